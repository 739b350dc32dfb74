#!/usr/bin/env python3
"""Shows that each check of lint.py finds what it is there for, and nothing in a clean tree."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
CLEAN_FUNCTION = "int f(void)\n{\n\treturn 0;\n}\n"


def lines(n):
    return "int f(int x)\n{\n" + "\tx++;\n" * (n - 4) + "\treturn x;\n}\n"


class Lint(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(os.path.join(HERE, "..", "..", ".clang-format"), self.root)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def lint(self, check):
        """The findings' texts, without the check's name."""
        result = subprocess.run([sys.executable, os.path.join(HERE, "lint.py"), "--only", check,
                                 "--root", self.root], text=True, stdout=subprocess.PIPE,
                                check=False)
        found = [line.replace(f"[{check}] ", "") for line in result.stdout.splitlines()
                 if not line.startswith("lint:")]
        self.assertEqual(result.returncode, 1 if found else 0)
        return found

    def only_finding(self, check):
        found = self.lint(check)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_clean_tree(self):
        self.write("src/base/x.h", "int f(void);\n")
        self.write("src/base/x.c", '#include "x.h"\n\n#include <ampagent/base/y.h>\n'
                   "#include <stdio.h>\n\n" + CLEAN_FUNCTION)
        self.write("include/ampagent/base/y.h", "#pragma once\n#include <stddef.h>\nsize_t g(void);\n")
        self.write("tests/unit/base/test_x.c", "#include <cmocka.h>\n\n" + CLEAN_FUNCTION)
        for check in ("includes", "headers", "banned", "length", "format", "words"):
            self.assertEqual(self.lint(check), [], check)

    def test_room_table(self):
        self.write("scrape/x.c", "#include <ampagent/remotewrite.h>\n")
        self.assertEqual(self.only_finding("includes"),
                         "scrape/x.c:1: scrape may not include <ampagent/remotewrite.h>")

    def test_contracts_have_rooms_too(self):
        self.write("include/ampagent/wal.h", "\n#include <ampagent/scrape.h>\n")
        self.assertIn("include/ampagent/wal.h:2: src/wal may not", self.only_finding("includes"))

    def test_wiring_sees_everything(self):
        self.write("src/app.c", "#include <ampagent/remotewrite.h>\n#include <ampagent/scrape.h>\n")
        self.assertEqual(self.lint("includes"), [])

    def test_option_structs(self):
        self.write("config/x.c", "#include <ampagent/scrape_options.h>\n")
        self.assertEqual(self.lint("includes"), [])
        self.write("config/x.c", "#include <ampagent/scrape.h>\n")
        self.only_finding("includes")

    def test_library_in_its_file(self):
        self.write("src/net/http_client.c", "#include <curl/curl.h>\n")
        self.assertEqual(self.lint("includes"), [])
        self.write("src/net/loop.c", "#include <curl/curl.h>\n")
        self.assertIn("belongs in src/net/http_client", self.only_finding("includes"))

    def test_library_in_two_files(self):
        self.write("src/base/crypto.c", "#include <openssl/evp.h>\n")
        self.write("src/base/crypto_tls.c", "#include <openssl/ssl.h>\n")
        self.assertEqual(self.lint("includes"), [])
        self.write("src/base/crypto_x.c", "#include <openssl/ssl.h>\n")
        self.assertIn("belongs in src/base/crypto.c and src/base/crypto_tls.c alone",
                      self.only_finding("includes"))

    def test_unknown_library(self):
        self.write("src/base/x.c", "#include <zlib.h>\n")
        self.assertIn("in no table", self.only_finding("includes"))

    def test_private_header_of_another_room(self):
        self.write("scrape/x.c", '#include "../src/base/utf8.h"\n')
        self.assertIn("lies beside its .c", self.only_finding("includes"))
        self.write("scrape/x.c", '#include "utf8.h"\n')
        self.assertIn("does not lie beside", self.only_finding("includes"))

    def test_file_without_a_room(self):
        self.write("extra/x.c", CLEAN_FUNCTION)
        self.assertIn("in no room", self.only_finding("includes"))

    def test_header_that_needs_another(self):
        self.write("include/ampagent/base/x.h", "size_t f(void);\n")
        self.assertIn("does not compile alone", self.only_finding("headers"))

    def test_banned(self):
        self.write("src/base/x.c", 'int f(void)\n{\n\t/* strcpy(a, b) */\n\tg("atoi(x)");\n'
                   "\treturn my_system(1) + system (\"ls\");\n}\n")
        self.assertEqual(self.only_finding("banned"), "src/base/x.c:5: system()")

    def test_goto(self):
        self.write("src/main.c", "int f(void)\n{\n\tgoto out;\nout:\n\treturn 0;\n}\n")
        self.assertEqual(self.lint("banned"), [])
        shutil.move(os.path.join(self.root, "src/main.c"), os.path.join(self.root, "src/app.c"))
        self.assertEqual(self.only_finding("banned"), "src/app.c:3: goto outside main")

    def test_long_function(self):
        self.write("src/base/x.c", lines(100))
        self.assertEqual(self.lint("length"), [])
        self.write("src/base/x.c", lines(101))
        self.assertIn("f has 101 lines", self.only_finding("length"))
        self.write("tests/lint/allow.txt", "src/base/x.c:f a reason\n")
        self.assertEqual(self.lint("length"), [])

    def test_long_file(self):
        self.write("src/base/x.c", "\n" * 601)
        self.assertIn("601 lines", self.only_finding("length"))

    def test_exceptions(self):
        self.write("tests/lint/allow.txt", "src/base/gone.c a reason\n")
        self.assertIn("needs no exception", self.only_finding("length"))
        self.write("src/base/gone.c", "\n" * 601)
        self.write("tests/lint/allow.txt", "src/base/gone.c\n")
        self.assertIn("has no reason", self.only_finding("length"))

    def test_words(self):
        self.write("README.md", "see /wor" "k/x\nthe site\nhttps://de" "b.deb" "ian.org/\n")
        self.assertEqual([line.split(":")[1] for line in self.lint("words")], ["1", "3"])

    @unittest.skipUnless(shutil.which("clang-format-14"), "clang-format-14 is not installed")
    def test_format(self):
        self.write("src/base/x.c", "int  f(void) {return 0;}\n")
        self.assertIn("src/base/x.c:1: not formatted", self.only_finding("format"))

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_shell(self):
        self.write("run", "#!/bin/bash\necho $1\n")
        self.assertIn("run:2:", self.only_finding("shell"))

    def test_unused_metrics(self):
        self.write("include/ampagent/base/metrics_table.h",
                   "#define METRICS_TABLE(X) \\\n\tX(M_A, 1) \\\n\tX(M_AB, 2) \\\n\tX(M_C, 3)\n")
        self.write("scrape/x.c", "/* M_C */\nint x = M_AB;\n")
        self.write("tests/unit/scrape/test_x.c", "int x = M_A;\n")
        self.assertEqual(self.lint("metrics"), [
            "include/ampagent/base/metrics_table.h:2: M_A is never set nor written",
            "include/ampagent/base/metrics_table.h:4: M_C is never set nor written"])

    def test_every_source_has_its_line(self):
        self.write("scrape/a.c", "int a;\n")
        self.write("scrape/b.c", "int b;\n")
        self.write("src/main.c", "int m;\n")
        self.write("tests/unit/scrape/test_a.c", "int t;\n")
        self.assertEqual(self.only_finding("files"),
                         'docs/ARCHITECTURE.md:1: has no section "## One line a file"')
        page = "# A\n\n## One line a file\n\n### scrape\n\n- `a.c`: one.\n- `b.c`: two.\n\n" \
               "### src\n\n- `main.c`: three.\n"
        self.write("docs/ARCHITECTURE.md", page)
        self.assertEqual(self.lint("files"), [])
        self.write("docs/ARCHITECTURE.md", page.replace("- `b.c`: two.", "- `a.c`: again.\n- `c.c`: no."))
        self.assertEqual(self.lint("files"), [
            "docs/ARCHITECTURE.md:8: scrape/a.c is named twice",
            "docs/ARCHITECTURE.md:9: scrape/c.c does not exist",
            "scrape/b.c:1: has no line in docs/ARCHITECTURE.md"])


unittest.main()
