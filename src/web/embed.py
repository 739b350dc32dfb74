"""Writes files as C arrays: embed.py OUT.c OUT.h FILE..."""
import os
import sys

out_c, out_h, files = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(out_c, "w") as c, open(out_h, "w") as h:
    h.write("#pragma once\n#include <stddef.h>\n")
    c.write('#include "%s"\n' % os.path.basename(out_h))
    for path in files:
        name = "asset_" + os.path.basename(path).replace(".", "_").replace("-", "_")
        data = open(path, "rb").read()
        h.write("extern const char %s[];\nextern const size_t %s_len;\n" % (name, name))
        c.write("const char %s[] = {\n" % name)
        for i in range(0, len(data), 24):
            c.write("\t" + " ".join("%d," % (b if b < 128 else b - 256) for b in data[i:i + 24]) + "\n")
        c.write("\t0\n};\nconst size_t %s_len = %d;\n" % (name, len(data)))
