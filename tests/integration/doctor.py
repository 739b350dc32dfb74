"""`ampagent doctor` against set-ups that are broken before anything is sent: the file, the URL, credentials, region,
identity; and against healthy ones. Each time it must name the broken step, end with its code and say what to do.
"""
import json
import os
import shutil
import stat
import subprocess

import doctor_lib as lib
import harness as h

KEYS = {"AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY}
ROLE = "arn:aws:iam::123456789012:role/agent"


def file_cases(doc, url):
    doc.broken_at("no file", "config", ["missing.yml", "--config.file"])
    doc.broken_at("no YAML", "config", ["yml:3", "refuses to start"], config="remote_write:\n- url: a\n  - b: [\n")
    doc.broken_at("a tab", "config", ["tab"], config="remote_write:\n\t- url: x\n")
    doc.broken_at("unknown key", "config", ["sigv5", ":3:"], config="remote_write:\n- url: %s\n  sigv5: {}\n" % url)
    doc.broken_at("half a pair of keys", "config", ["access_key"],
                  config=lib.write(url, sigv4="{access_key: A}"))
    doc.broken_at("no destination", "config", ["remote_write"], config="scrape_configs: []\n")
    run, _ = doc.run(["--config.file=" + doc.file(lib.write(url, "  name: one\n")), "--destination=two"], KEYS)
    h.check(run.returncode == 2 and "one" in run.stderr, "no such destination: %s" % run)
    for flags in (["--url="], ["--region=eu-west-1"], ["--url=" + url, "--destination=x"], ["--timeout=1ms"], ["--nonsense"],
                  ["--url=" + url, "--region=eu west"], ["--url=" + url, "--no-sign", "--profile=x"]):
        run, _ = doc.run(flags, KEYS)
        h.check(run.returncode == 2 and "ampagent doctor" in run.stderr, "%s: %s" % (flags, run))
    run, _ = doc.run(["--help"], {})
    h.check(run.returncode == 0 and "--canary" in run.stdout, "help: %s" % run)


def url_cases(doc, standin):
    amp, ws, end = lib.AMP, "/workspaces/" + h.WORKSPACE, "/api/v1/remote_write"
    env = dict(KEYS, AWS_REGION="eu-west-1")
    for name, url, words in (
            ("slash at the end, not AMP's path", amp + ws + "/remote_write/", ["/api/v1/remote_write"]),
            ("a host of China without its ending", "https://aps-workspaces.cn-north-1.amazonaws.com" + lib.PATH,
             ["amazonaws.com.cn"]),
            ("a host almost AMP's", amp.replace("workspaces", "workspace") + lib.PATH, ["aps-workspaces.REGION"]),
            ("a VPC endpoint without the service", "https://vpce-0a-1b.eu-west-1.vpce.amazonaws.com" + lib.PATH,
             ["vpce-ID.aps-workspaces"]),
            ("a region misspelt", amp.replace("eu-west-1", "eu-west1") + lib.PATH, ["like eu-west-1"]),
            ("the word REGION in place of one", amp.replace("eu-west-1", "REGION") + lib.PATH, ["like eu-west-1"]),
            ("a word processor's dash", amp + lib.PATH.replace("-", "\u2013"), ["ASCII"]),
            ("no /api/v1", amp + ws + "/remote_write", ["/api/v1"]),
            ("no workspace", amp + end, ["/workspaces/"]),
            ("no UUID", amp + "/workspaces/my-workspace" + end, ["ws-", "UUID"]),
            ("alias behind ws-", amp + "/workspaces/ws-prod" + end, ["ws-"]),
            ("control plane", amp.replace("aps-workspaces", "aps") + lib.PATH, ["aps-workspaces"]),
            ("http", amp.replace("https", "http") + lib.PATH, ["https"]),
            ("a query's path", amp + ws + "/api/v1/query", ["queries", "remote_write"]),
            ("the endpoint of the API", amp + ws, ["api/v1/remote_write"]),
            ("the endpoint of the API, with a slash", amp + ws + "/", ["api/v1/remote_write"]),
            ("a port", amp + ":8443" + lib.PATH, ["443"]),
            ("user and password", amp.replace("://", "://me:made-up-password@") + lib.PATH, ["@"]),
            ("a parameter", amp + lib.PATH + "?a=b", ["?"]),
            ("FIPS where there is none", "https://aps-workspaces-fips.eu-west-1.amazonaws.com" + lib.PATH, ["FIPS"]),
            ("a wrong path at a gateway", standin.url + "/x", ["single slashes"])):
        answer = doc.broken_at("URL: " + name, "url", words, config=lib.write(url, sigv4="{}"), env=env, timeout="1s")
        if answer:
            h.check(lib.step(answer, "write")["verdict"] == "skipped", "%s: writes nevertheless" % name)
    doc.broken_at("--url without a scheme", "url", ["https://"], url="aps-workspaces.eu-west-1.amazonaws.com", env=env)
    doc.broken_at("--url with a blank", "url", ["blank"], url=amp + lib.PATH + " ", env=env)
    doc.healthy("a slash at the end", ["url"], config=lib.write(standin.url + "/"), env=env)


class Metadata:
    """What stands in for the container's and the instance's credentials."""

    def __init__(self, base):
        self.container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": base + "/v1/credentials"}
        self.instance = {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": base}


def nowhere_cases(doc, config):
    """No source is configured at all."""
    doc.broken_at("no credentials", "credentials", ["AWS_ACCESS_KEY_ID", "role", "AWS_EC2_METADATA_DISABLED"],
                  config=config)
    doc.broken_at("Fargate without a task role", "credentials", ["taskRoleArn", "Fargate"], config=config,
                  env={"ECS_CONTAINER_METADATA_URI_V4": lib.DEAD + "/v4/x", "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"})
    doc.broken_at("a pod without a role", "credentials", ["Pod Identity", "eks.amazonaws.com/role-arn"],
                  config=config, env={"KUBERNETES_SERVICE_HOST": "127.0.0.1"})
    first_process(doc, config)


def first_process(doc, config):
    """A shell that somebody else has started in the container, as ECS Exec does."""
    if os.getuid() != 0 or shutil.which("unshare") is None:
        print("left out: variables of the first process (not root, or no unshare program)")
        return
    inner = ("%s doctor --config.file=%s" % (h.AMPAGENT, doc.file(config)))
    run = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "env",
                          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x", "sh", "-c",
                          "env -u AWS_CONTAINER_CREDENTIALS_RELATIVE_URI " + inner + "; exit $?"], env=doc.env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         universal_newlines=True)
    if "unshare:" in run.stderr:
        print("left out: variables of the first process: " + run.stderr)
        return
    h.check(run.returncode == 12 and "export $(tr" in run.stdout, "variables of the first process: %s" % run)


def profile_cases(doc, d, config, url):
    doc.broken_at("half the keys", "credentials", ["AWS_SECRET_ACCESS_KEY", "both"], config=config,
                  env={"AWS_ACCESS_KEY_ID": h.ACCESS_KEY})
    doc.broken_at("no such profile", "credentials", ["prod", "AWS_PROFILE"], config=config, env={"AWS_PROFILE": "prod"})
    doc.broken_at("no such profile in sigv4", "credentials", ["prod", "sigv4.profile"],
                  config=lib.write(url, sigv4="{region: eu-west-1, profile: prod}"), env=KEYS)
    d.file("mfa.ini", "[default]\nrole_arn = %s\nsource_profile = b\nmfa_serial = arn:aws:iam::1:mfa/x\n[profile b]\n"
           "aws_access_key_id = A\naws_secret_access_key = made-up-wrong-secret\n" % ROLE)
    doc.broken_at("a code is wanted", "credentials", ["nobody to type"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("mfa.ini")})
    doc.broken_at("a role by its name", "credentials", ["whole ARN"], env=KEYS,
                  config=lib.write(url, sigv4="{region: eu-west-1, role_arn: writer}"))
    d.file("bare.ini", "[prod]\naws_access_key_id = A\naws_secret_access_key = made-up-wrong-secret\n")
    doc.broken_at("a heading without the word profile", "credentials", ["[profile NAME]"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("bare.ini"), "AWS_PROFILE": "prod"})
    d.file("broken.ini", "[default\naws_access_key_id = A\n")
    doc.broken_at("a broken file", "credentials", ["broken.ini"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("broken.ini")})
    d.file("loop.ini", "[profile a]\nrole_arn = %s\nsource_profile = b\n[profile b]\nrole_arn = %s\n"
           "source_profile = a\n" % (ROLE, ROLE))
    doc.broken_at("a circle of profiles", "credentials", ["source_profile"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("loop.ini"), "AWS_PROFILE": "a"})
    d.file("process.ini", "[default]\ncredential_process = /bin/sh -c 'echo made-up-password; exit 3'\n")
    doc.broken_at("a process that fails", "credentials", ["credential_process", "by hand"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("process.ini")})
    d.file("nonsense.ini", "[default]\ncredential_process = /bin/echo made-up-password\n")
    doc.broken_at("a process that prints no JSON", "credentials", ["credential_process", "Version"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("nonsense.ini")})
    d.file("half.ini", "[default]\naws_access_key_id = A\n")
    doc.broken_at("half the keys in a file", "credentials", ["aws_secret_access_key"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("half.ini")})
    os.makedirs(os.path.join(d.path, ".aws", "sso", "cache"), exist_ok=True)
    # The cache's name is the SHA-1 of the session's.
    d.file(".aws/sso/cache/34c6fceca75e456f25e7e99531e2425c6c1de443.json", json.dumps(
        {"accessToken": "made-up-sso-token", "expiresAt": "2020-01-01T00:00:00Z"}))
    d.file("sso.ini", "[default]\nsso_session = dev\nsso_account_id = 123456789012\nsso_role_name = r\n"
           "[sso-session dev]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n")
    doc.broken_at("SSO log-in has expired", "credentials", ["aws sso login"], config=config,
                  env={"AWS_CONFIG_FILE": d.file("sso.ini")})
    doc.broken_at("no CA bundle", "credentials", ["AWS_CA_BUNDLE", "PEM"], config=config,
                  env=dict(KEYS, AWS_CA_BUNDLE=d.file("no-such-bundle.pem")))


def container_cases(doc, d, config, standin, meta):
    def switched(name, words, env, timeout="1s", **switch):
        standin.switch(**switch)
        doc.broken_at(name, "credentials", words, config=config, env=env, timeout=timeout)
        standin.switch(**{k: 0 for k in switch})

    task = dict(meta.container, ECS_CONTAINER_METADATA_URI_V4=lib.DEAD + "/v4/x")
    switched("the task's keys: 500", ["500", "ecs-tasks.amazonaws.com"], task, timeout="4s", aws_down=1)
    switched("the task's keys: no answer", ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], task, aws_hang=1)
    switched("the task's keys: nothing in the answer", ["container"], task, timeout="4s", aws_empty=1)
    switched("the task's keys: throttled", ["429"], task, timeout="4s", aws_throttled=1)
    doc.broken_at("keys from a host that is not this one, without TLS", "credentials", ["loopback"], config=config,
                  env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/credentials"})
    refuses = {"/v1/credentials": lambda r: (403, "text/plain", b"no association for this service account")}
    with h.Pages(refuses) as agent:
        doc.broken_at("Pod Identity: 403", "credentials", ["403", "Pod Identity", "association"], config=config,
                      env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://%s/v1/credentials" % agent.address,
                           "KUBERNETES_SERVICE_HOST": "127.0.0.1"})
    doc.broken_at("the container's keys: nobody there", "credentials", ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                  config=config, env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": lib.DEAD + "/x"})
    token = d.file("no-container-token")
    doc.broken_at("no token file", "credentials", ["no-container-token", "mounted"], config=config,
                  env=dict(meta.container, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token))
    switched("IMDS: hop limit", ["HttpPutResponseHopLimit"], meta.instance, timeout="4s", aws_hop_limit=1)
    switched("IMDS: no role", ["instance profile"], meta.instance, timeout="4s", aws_no_role=1)
    switched("IMDS: no keys of the role", ["ec2.amazonaws.com"], meta.instance, timeout="4s", aws_role_failed=1)
    switched("IMDS: off", ["403"], meta.instance, timeout="4s", aws_imds_off=1)
    doc.broken_at("IMDS: nobody there", "credentials", ["metadata"], config=config, timeout="4s",
                  env={"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": lib.DEAD})


def may_run_as_nobody(d):
    """Whether another user could start the program and read what is in the directory."""
    if os.getuid() != 0:
        return False
    os.chmod(d.path, 0o755)
    path = h.AMPAGENT
    while path != "/":
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        path = os.path.dirname(path)
    return True


def web_cases(doc, d, config, standin):
    d.file("web-token", "made-up-web-token")
    web = {"AWS_WEB_IDENTITY_TOKEN_FILE": d.file("web-token"), "AWS_ROLE_ARN": ROLE, "AWS_REGION": "eu-west-1"}
    standin.switch(aws_assume_denied=1)
    doc.broken_at("the role may not be assumed", "credentials", ["AccessDenied", "trust policy"], config=config,
                  env=web)
    doc.broken_at("a role on top may not be assumed", "credentials", ["trust policy"], env=KEYS,
                  config=lib.write(standin.url, sigv4="{region: eu-west-1, role_arn: '%s'}" % ROLE))
    standin.switch(aws_assume_denied=0)
    doc.broken_at("STS is not there", "credentials", ["STS"], config=config, timeout="4s",
                  env=dict(web, AWS_ENDPOINT_URL_STS=lib.DEAD))
    doc.broken_at("STS behind a proxy that is not there", "credentials", ["HTTPS_PROXY", "proxy"], config=config,
                  timeout="4s", env=dict(web, AWS_ENDPOINT_URL_STS="http://sts.invalid", HTTP_PROXY=lib.DEAD))
    doc.broken_at("a web identity token without a role", "credentials", ["AWS_ROLE_ARN", "annotation"], config=config,
                  env=dict(web, AWS_ROLE_ARN=None))
    doc.broken_at("an empty web identity token", "credentials", ["holds no token"], config=config,
                  env=dict(web, AWS_WEB_IDENTITY_TOKEN_FILE=d.file("empty-token", "")))
    doc.broken_at("no web identity token", "credentials", ["no-such-token"], config=config,
                  env=dict(web, AWS_WEB_IDENTITY_TOKEN_FILE=d.file("no-such-token")))
    if not may_run_as_nobody(d):
        print("left out: a token that may not be read (not root, or the program is not for all)")
        return
    os.chmod(d.file("web-token"), 0o600)
    doc.broken_at("a token that may not be read", "credentials", ["web-token", "fsGroup"], env=web, user=65534,
                  config=config)


def region_cases(doc, standin):
    doc.broken_at("no region", "region", ["sigv4.region", "AWS_REGION"], env=KEYS,
                  config=lib.write(standin.url, sigv4="{}"))
    doc.broken_at("no region's name", "region", ["eu_west_1"], env=dict(KEYS, AWS_REGION="eu_west_1"),
                  config=lib.write(standin.url, sigv4="{}"))
    doc.broken_at("another region than the host's", "region", ["us-east-1", "eu-west-1", "take region out"], env=KEYS,
                  config=lib.write(lib.AMP + lib.PATH, sigv4="{region: us-east-1}"), timeout="1s")


def identity_cases(doc, standin):
    answer = doc.broken_at("a wrong secret key", "identity", ["secret key"],
                           config=lib.write(standin.url, sigv4="{region: eu-west-1, access_key: %s, "
                                            "secret_key: made-up-wrong-secret}" % h.ACCESS_KEY))
    if answer:
        h.check("signature" in lib.step(answer, "write")["advice"], "wrong secret: %s" % lib.step(answer, "write"))
    answer = doc.broken_at("keys that changed places", "identity", ["unknown"], config=lib.write(standin.url), env={
        "AWS_ACCESS_KEY_ID": h.SECRET_KEY, "AWS_SECRET_ACCESS_KEY": h.ACCESS_KEY})
    if answer:
        h.check("changed places" in lib.step(answer, "credentials")["advice"], lib.step(answer, "credentials"))
    doc.broken_at("an unknown access key", "identity", ["unknown"], env={
        "AWS_ACCESS_KEY_ID": "AKIANOBODYNOBODYNOBO", "AWS_SECRET_ACCESS_KEY": "made-up-wrong-secret"},
        config=lib.write(standin.url))
    standin.switch(aws_identity_denied=1)
    answer = doc.healthy("nobody may ask who he is", ["identity"], config=lib.write(standin.url), env=KEYS)
    standin.switch(aws_identity_denied=0)
    if answer:
        h.check("Writing works" in lib.step(answer, "identity")["advice"], lib.step(answer, "identity")["advice"])
    answer = doc.healthy("no STS, as in a private subnet", ["identity"], config=lib.write(standin.url),
                         env=dict(KEYS, AWS_ENDPOINT_URL_STS=lib.DEAD))
    if answer:
        h.check("VPC endpoint" in lib.step(answer, "identity")["advice"], lib.step(answer, "identity")["advice"])


def healthy_cases(doc, d, standin, meta):
    config = lib.write(standin.url)
    answer = doc.healthy("keys of the environment", config=config, env=KEYS)
    if answer:
        h.check(h.ACCESS_KEY in lib.step(answer, "credentials")["evidence"], lib.step(answer, "credentials"))
        chosen = [line for line in lib.step(answer, "credentials")["details"] if "chosen" in line]
        h.check(len(chosen) == 1 and "environment" in chosen[0], "sources: %s" % lib.step(answer, "credentials"))
        h.check("arn:aws:" in lib.step(answer, "identity")["evidence"], lib.step(answer, "identity"))
        h.check(lib.step(answer, "canary")["verdict"] == "skipped", "a canary without being asked for")
    doc.healthy("keys of the file", env={}, config=lib.write(standin.url, sigv4=(
        "{region: eu-west-1, access_key: %s, secret_key: %s}" % (h.ACCESS_KEY, h.SECRET_KEY))))
    d.file("container-token", "made-up-container-token")
    doc.healthy("EKS Pod Identity", config=config,
                env=dict(meta.container, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=d.file("container-token")))
    doc.healthy("an instance's role", config=config, env=meta.instance)
    doc.healthy("an instance's role and region", config=lib.write(standin.url, sigv4="{}"), env=meta.instance)
    doc.healthy("IRSA", config=config, env={"AWS_WEB_IDENTITY_TOKEN_FILE": d.file("web-token"), "AWS_ROLE_ARN": ROLE,
                                            "AWS_REGION": "eu-west-1"})
    d.file("good.ini", "[profile base]\naws_access_key_id = %s\naws_secret_access_key = %s\n[profile agent]\n"
           "role_arn = %s\nsource_profile = base\nregion = eu-west-1\n" % (h.ACCESS_KEY, h.SECRET_KEY, ROLE))
    doc.healthy("--url with a profile and a role", url=standin.url, flags=["--profile=agent"],
                env={"AWS_CONFIG_FILE": d.file("good.ini")})
    doc.healthy("--url with a region", url=standin.url, flags=["--region=eu-west-1"], env=KEYS)


def several(doc, standin):
    """All are walked; the first that fails makes the code; one alone can be chosen."""
    block = "- url: '%s'\n  name: %s\n  sigv4: {region: eu-west-1}\n"
    urls = [standin.url, standin.url + "?b", "http://127.0.0.1:1" + lib.PATH, standin.url]
    config = "remote_write:\n" + "".join(block % (url, name) for url, name in zip(urls[:1] + urls[3:], "ab"))
    answer = doc.healthy("two destinations", config=config, env=KEYS)
    if answer:
        h.check([d["name"] for d in answer["destinations"]] == ["a", "b"], "names: %s" % answer["text"])
    config = "remote_write:\n" + "".join(block % (url, name) for url, name in zip(urls, "abcd"))
    answer = doc.broken_at("two of four are broken", "url", config=config, env=KEYS)
    if answer:
        failed = [[s["step"] for s in d["steps"] if s["verdict"] == "fail"][:1] for d in answer["destinations"]]
        h.check(failed == [[], ["url"], ["tcp"], []], "who fails where: %s" % failed)
    doc.broken_at("the third of four", "tcp", config=config, env=KEYS, flags=["--destination=c"])
    doc.healthy("the first of four", config=config, env=KEYS, flags=["--destination=a"])


def main():
    with h.Dir() as d:
        web, container = d.file("web-token", "made-up-web-token"), d.file("container-token", "made-up-container-token")
        with h.Receiver(d, "--aws", "--aws-web-token-file=" + web, "--aws-container-token-file=" + container) as standin:
            base = "http://127.0.0.1:%d" % standin.port
            meta = Metadata(base)
            doc = lib.Doctor(d, AWS_ENDPOINT_URL_STS=base)
            config = lib.write(standin.url)
            file_cases(doc, standin.url)
            url_cases(doc, standin)
            nowhere_cases(doc, config)
            profile_cases(doc, d, config, standin.url)
            container_cases(doc, d, config, standin, dict_of_token(meta, container))
            web_cases(doc, d, config, standin)
            region_cases(doc, standin)
            identity_cases(doc, standin)
            healthy_cases(doc, d, standin, meta)
            several(doc, standin)
            print("broken set-ups: %d" % doc.broken)
    h.finish()


def dict_of_token(meta, token):
    meta.container["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = token
    return meta


if __name__ == "__main__":
    main()
