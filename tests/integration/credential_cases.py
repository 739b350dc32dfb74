"""Environments to get credentials in, and what the default chain of the AWS SDK for Go gives there.

A case is an environment: variables (None: not set), shared files, other files in its home, options.
In any text stand {home}; {dir}, where all cases' tokens and programs are; {base}, the stand-in's URL,
{named}, the same by a name, {strict}, that of one which wants a container's token, and {down}, that
of nobody. What is expected is
 - keys("AK", "SK", "T"): these, byte for byte;
 - issued(("imds", "ampagent-instance", None), ...): these sources were asked for keys, in this order,
   for these roles (and sessions, where the case names one);
 - REFUSED.
apart: why botocore does something else there; go_apart: why this differs from the SDK for Go. What
they do then is not compared.
"""
import hashlib
import itertools
import random

import harness as h

REFUSED = ("refused",)
ACCOUNT = "123456789012"
SSO_TOKEN = "made-up-sso-token"
WEB_TOKEN = "made-up-web-identity-token"
CONTAINER_TOKEN = "made-up-container-token"


def keys(access_key, secret_key, token=""):
    return ("keys", access_key, secret_key, token)


def issued(*chain):
    return ("issued",) + chain


def arn(name):
    return "arn:aws:iam::%s:role/%s" % (ACCOUNT, name)


def pair(access_key, secret_key, token=None):
    return ("aws_access_key_id = %s\naws_secret_access_key = %s\n" % (access_key, secret_key)
            + ("aws_session_token = %s\n" % token if token else ""))


# The only long-lived keys that the stand-in knows: those that assume roles.
KNOWN = pair(h.ACCESS_KEY, h.SECRET_KEY)
ENV_KNOWN = {"AWS_ACCESS_KEY_ID": h.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": h.SECRET_KEY}
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "made-up/env"}
GOT_ENV = keys("AKENV", "made-up/env")
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}/web-token", "AWS_ROLE_ARN": arn("web")}
POD = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{base}/v1/credentials",
       "AWS_CONTAINER_AUTHORIZATION_TOKEN": CONTAINER_TOKEN}
GOT_WEB = ("web_identity", "web", None)
GOT_POD = ("pod_identity", "ampagent-pod", None)
GOT_TASK = ("ecs", "ampagent-task", None)
GOT_INSTANCE = ("imds", "ampagent-instance", None)
GOT_SSO = ("sso", "AWSReservedSSO_reader_0123456789abcdef", None)

ROLE_FIRST = "botocore asks a profile with a role before web identity of the environment"
BARE_ROLE = "botocore wants source_profile or credential_source beside role_arn"
SECRET_ALONE = "botocore passes over a secret without its id; here a half is an error"
HALF = "the SDK for Go passes over a half; here it is an error"
EAGER = "the SDK for Go reads the profile's credentials even where others come first"
NO_COMMENTS = "botocore has no comments behind values"


def case(name, expect, env=None, config=None, credentials=None, imds=False, **more):
    return dict(name=name, expect=expect, env=env or {}, config=config, credentials=credentials, imds=imds, **more)


# ---- made by multiplication ----

def dimensions():
    """What a part of the surroundings can be: name -> (variables, files)."""
    environment = {"no keys": {}, "keys": ENV_KEYS, "keys and token": dict(ENV_KEYS, AWS_SESSION_TOKEN="made-up-token"),
                   "half a key": {"AWS_ACCESS_KEY_ID": "AKENV"}}
    web = {"no web identity": {}, "web identity": WEB,
           "web identity without role": {"AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}/web-token"},
           "web identity without file": dict(WEB, AWS_WEB_IDENTITY_TOKEN_FILE="{dir}/no-such-token")}
    profile = {
        "no profile": ({}, None),
        "empty profile": ({}, "[default]\nregion = eu-west-1\n"),
        "profile": ({}, "[default]\n" + pair("AKPROFILE", "made-up/profile")),
        "named profile": ({"AWS_PROFILE": "p"}, "[default]\n" + pair("AKNO", "no") + "[profile p]\n"
                          + pair("AKPROFILE", "made-up/profile")),
        "role": ({}, "[default]\nrole_arn = %s\nsource_profile = base\n[profile base]\n%s" % (arn("top"), KNOWN)),
        "role of a container": ({}, "[default]\nrole_arn = %s\ncredential_source = EcsContainer\n" % arn("top")),
        "process": ({}, "[default]\ncredential_process = {dir}/give\n"),
        "half a profile": ({}, "[default]\naws_access_key_id = AKPROFILE\n"),
        "no such profile": ({"AWS_PROFILE": "nobody"}, "[default]\n" + pair("AKNO", "no")),
    }
    container = {"no container": {}, "pod": POD, "task": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{base}/v2/credentials/x"},
                 "container elsewhere": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/v1/credentials"}}
    return environment, web, profile, container


def expected(env, web, profile, container, imds):
    """The rule: the first that is configured is the one, and a broken one is the end."""
    if profile == "no such profile":
        return REFUSED
    if env != "no keys":
        return {"keys": GOT_ENV, "keys and token": keys("AKENV", "made-up/env", "made-up-token"),
                "half a key": REFUSED}[env]
    if web != "no web identity":
        return issued(GOT_WEB) if web == "web identity" else REFUSED
    container_gives = {"pod": GOT_POD, "task": GOT_TASK}.get(container)
    if profile in ("profile", "named profile"):
        return keys("AKPROFILE", "made-up/profile")
    if profile == "process":
        return keys("AKPROCESS", "made-up/process", "made-up-process-token")
    if profile == "role":
        return issued(("assume_role", "top", None))
    if profile == "role of a container":
        return issued(container_gives, ("assume_role", "top", None)) if container_gives else REFUSED
    if profile == "half a profile":
        return REFUSED
    if container != "no container":
        return issued(container_gives) if container_gives else REFUSED
    return issued(GOT_INSTANCE) if imds else REFUSED


def generated(seed, count):
    environment, web, profile, container = dimensions()
    whole = list(itertools.product(environment, web, profile, container, (False, True)))
    for e, w, p, c, imds in random.Random(seed).sample(whole, min(count, len(whole))):
        variables, config = profile[p]
        env = dict(environment[e], **web[w])
        env.update(variables)
        env.update(container[c])
        apart = go_apart = None
        if e == "no keys" and w != "no web identity" and p.startswith("role"):
            apart = ROLE_FIRST
        if p == "half a profile" and (e != "no keys" or w != "no web identity"):
            go_apart = EAGER
        if e == "half a key":
            go_apart = HALF
        yield case(", ".join((e, w, p, c, "instance" if imds else "no instance")),
                   expected(e, w, p, c, imds), env, config, imds=imds, apart=apart, go_apart=go_apart)


# ---- one by one ----

def token_cache(name, token=SSO_TOKEN, expires="2099-01-01T00:00:00Z"):
    path = ".aws/sso/cache/%s.json" % hashlib.sha1(name.encode()).hexdigest()
    return {path: '{"startUrl": "https://start.example", "region": "eu-west-1", "accessToken": "%s", "expiresAt": "%s"}'
            % (token, expires)}


def of_options():
    with_token = keys("AKCFG", "made-up/cfg", "made-up-cfg-token")
    p = "[profile p]\n" + pair("AKP", "made-up/p")
    yield case("explicit keys", keys("AKCFG", "made-up/cfg"), ENV_KEYS,
               options=dict(access_key="AKCFG", secret_key="made-up/cfg"))
    yield case("explicit keys with a token", with_token, WEB,
               options=dict(access_key="AKCFG", secret_key="made-up/cfg", session_token="made-up-cfg-token"))
    yield case("explicit profile before keys of the environment", keys("AKP", "made-up/p"), ENV_KEYS, p,
               options=dict(profile="p"))
    yield case("explicit profile before another one of the environment", keys("AKP", "made-up/p"),
               {"AWS_PROFILE": "q"}, p + "[profile q]\n" + pair("AKQ", "no"), options=dict(profile="p"))
    yield case("explicit profile without credentials", issued(GOT_POD), dict(ENV_KEYS, **POD), "[profile p]\n",
               options=dict(profile="p"))
    yield case("explicit profile without credentials, web identity", REFUSED, WEB, "[profile p]\n",
               options=dict(profile="p"))
    yield case("explicit profile that is not there", REFUSED, ENV_KEYS, p, options=dict(profile="q"))
    yield case("explicit profile that takes the environment's keys", issued(("assume_role", "top", None)), ENV_KNOWN,
               "[profile p]\nrole_arn = %s\ncredential_source = Environment\n" % arn("top"), options=dict(profile="p"))
    yield case("explicit profile that misses the environment's keys", REFUSED, {},
               "[profile p]\nrole_arn = %s\ncredential_source = Environment\n" % arn("top"), options=dict(profile="p"))
    yield case("role on the environment's keys", issued(("assume_role", "writer", None)), ENV_KNOWN,
               options=dict(role_arn=arn("path/writer")))
    yield case("role with all its parts", issued(("assume_role", "writer", "made-up-session", "made-up:id")), ENV_KNOWN,
               options=dict(role_arn=arn("writer"), external_id="made-up:id", role_session_name="made-up-session"))
    yield case("role on the instance's", issued(GOT_INSTANCE, ("assume_role", "writer", None)), {}, imds=True,
               options=dict(role_arn=arn("writer")))
    yield case("role on web identity", issued(GOT_WEB, ("assume_role", "writer", None)), WEB,
               options=dict(role_arn=arn("writer")))
    yield case("role on unknown keys", REFUSED, ENV_KEYS, options=dict(role_arn=arn("writer")))
    yield case("role on nothing", REFUSED, {}, options=dict(role_arn=arn("writer")))


def of_environment():
    yield case("a secret without its id", REFUSED, {"AWS_SECRET_ACCESS_KEY": "made-up/env"}, "[default]\n" + KNOWN,
               apart=SECRET_ALONE, go_apart=HALF)
    yield case("empty variables", keys("AKP", "made-up/p"), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
               "[default]\n" + pair("AKP", "made-up/p"))
    yield case("the old name of the token", keys("AKENV", "made-up/env", "old-token"),
               dict(ENV_KEYS, AWS_SECURITY_TOKEN="old-token"), go_apart="the SDK for Go does not know that name")
    yield case("the old names of the keys", GOT_ENV, {"AWS_ACCESS_KEY": "AKENV", "AWS_SECRET_KEY": "made-up/env"},
               apart="botocore does not know these names")
    yield case("a line end in a secret", REFUSED, dict(ENV_KEYS, AWS_SECRET_ACCESS_KEY="made-up/env\n"),
               apart="botocore signs with it", go_apart="the SDK for Go signs with it")
    yield case("a session's name", issued(("web_identity", "web", "made-up-session")),
               dict(WEB, AWS_ROLE_SESSION_NAME="made-up-session"))
    yield case("a wrong web identity token", REFUSED, dict(WEB, AWS_WEB_IDENTITY_TOKEN_FILE="{dir}/other-token"),
               imds=True)
    yield case("only a role's ARN", issued(GOT_INSTANCE), {"AWS_ROLE_ARN": arn("web")}, imds=True)
    yield case("a switch that is neither true nor false", REFUSED, dict(ENV_KEYS, AWS_USE_FIPS_ENDPOINT="maybe"),
               apart="botocore takes any other word for false")
    yield case("profile by its second variable", keys("AKP", "made-up/p"), {"AWS_DEFAULT_PROFILE": "p"},
               "[profile p]\n" + pair("AKP", "made-up/p"))
    yield case("profile by the first of two variables", keys("AKP", "made-up/p"),
               {"AWS_PROFILE": "p", "AWS_DEFAULT_PROFILE": "q"},
               "[profile p]\n%s[profile q]\n%s" % (pair("AKP", "made-up/p"), pair("AKQ", "no")),
               apart="botocore looks at AWS_DEFAULT_PROFILE first")
    yield case("second variable's profile is not there", REFUSED, {"AWS_DEFAULT_PROFILE": "q"}, imds=True,
               go_apart="the SDK for Go goes on without that profile")
    yield case("the default profile, asked for, is not there", REFUSED, {"AWS_PROFILE": "default"}, imds=True)
    yield case("instance", issued(GOT_INSTANCE), imds=True)
    yield case("no instance, in other letters", REFUSED, {"AWS_EC2_METADATA_DISABLED": "True"}, imds=True)
    yield case("instance without role", REFUSED, imds=True, switch={"aws_no_role": 1})
    yield case("instance whose role cannot be assumed", REFUSED, imds=True, switch={"aws_role_failed": 1})
    yield case("instance that is down", REFUSED, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "{down}/"}, imds=True)


def of_containers(link_local, token_files, pods, ipv6):
    strict = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{strict}/v1/credentials"}
    old_files = None if token_files else "this botocore knows no token file"
    old_pods = None if pods else "this botocore knows no address of Pod Identity"
    yield case("container's token", issued(GOT_POD), dict(strict, AWS_CONTAINER_AUTHORIZATION_TOKEN=CONTAINER_TOKEN))
    yield case("container's wrong token", REFUSED, dict(strict, AWS_CONTAINER_AUTHORIZATION_TOKEN="other"), imds=True)
    yield case("container's token file", issued(GOT_POD),
               dict(strict, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{dir}/container-token"), apart=old_files)
    yield case("container's token file before its token", issued(GOT_POD),
               dict(strict, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{dir}/container-token",
                    AWS_CONTAINER_AUTHORIZATION_TOKEN="other"), apart=old_files)
    yield case("container's token file is not there", REFUSED,
               dict(strict, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{dir}/no-such-token",
                    AWS_CONTAINER_AUTHORIZATION_TOKEN=CONTAINER_TOKEN), imds=True, apart=old_files)
    yield case("container by a name of loopback", issued(GOT_TASK),
               {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{named}/v2/credentials/x"})
    yield case("container that is down", REFUSED, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{down}/v2/credentials/x"},
               imds=True)
    yield case("container without a host", REFUSED, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "/v2/credentials/x"},
               imds=True)
    yield case("no such path in the container's agent", REFUSED,
               {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{base}/v2/other"}, imds=True)
    if link_local:
        relative = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}
        yield case("ECS task role", issued(GOT_TASK), relative)
        yield case("ECS task role before a whole URL", issued(GOT_TASK), dict(relative, **POD))
        yield case("ECS task role behind a profile", keys("AKP", "made-up/p"), relative,
                   "[default]\n" + pair("AKP", "made-up/p"))
        yield case("EKS Pod Identity", issued(GOT_POD), dict(
            POD, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1/credentials"), apart=old_pods)
        yield case("instance at its own address", issued(GOT_INSTANCE),
                   {"AWS_EC2_METADATA_SERVICE_ENDPOINT": None}, imds=True)
    if ipv6:
        yield case("EKS Pod Identity over IPv6", issued(GOT_POD), dict(
            POD, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://[fd00:ec2::23]/v1/credentials"), apart=old_pods)


def of_profiles():
    top, mid = "[default]\nrole_arn = %s\nsource_profile = b\n" % arn("a"), "[profile b]\nrole_arn = %s\n" % arn("b")
    a, b = ("assume_role", "a", None), ("assume_role", "b", None)
    web = "web_identity_token_file = {dir}/web-token\nrole_arn = %s\n" % arn("web")
    yield case("keys in the credentials file", keys("AKC", "made-up/c", "t"), {}, None,
               "[default]\n" + pair("AKC", "made-up/c", "t"))
    yield case("keys in both files", keys("AKC", "made-up/c"), {}, "[default]\n" + pair("AKP", "no"),
               "[default]\n" + pair("AKC", "made-up/c"))
    yield case("a token in the other file", keys("AKC", "made-up/c"), {}, "[default]\n" + pair("AKP", "no", "t"),
               "[default]\n" + pair("AKC", "made-up/c"), go_apart="the SDK for Go mixes the token of one file in")
    yield case("halves of a key in two files", REFUSED, {}, "[default]\naws_access_key_id = AKP\n",
               "[default]\naws_secret_access_key = made-up\n")
    yield case("two roles", issued(b, a), {}, top + mid + "source_profile = c\n[profile c]\n" + KNOWN)
    yield case("a role's parts", issued(("assume_role", "a", "made-up-session", "made-up:id")), {},
               top + "role_session_name = made-up-session\nexternal_id = made-up:id\nduration_seconds = 3600\n"
               "[profile b]\n" + KNOWN)
    yield case("a source in the credentials file", issued(a), {}, top, "[b]\n" + KNOWN)
    yield case("a profile that names itself", issued(a), {},
               "[default]\n%srole_arn = %s\nsource_profile = default\n" % (KNOWN, arn("a")))
    yield case("a profile that names itself without keys", REFUSED, {},
               "[default]\nrole_arn = %s\nsource_profile = default\n" % arn("a"), imds=True)
    yield case("a loop", REFUSED, {}, top + mid + "source_profile = default\n", imds=True)
    yield case("a loop behind the first profile", REFUSED, {},
               top + mid + "source_profile = c\n[profile c]\nrole_arn = %s\nsource_profile = b\n" % arn("c"), imds=True)
    yield case("a loop to a profile with keys", issued(b, a), {},
               top + KNOWN + mid + "source_profile = default\n", apart="botocore refuses all loops but the shortest")
    yield case("a source with keys and a role", issued(b, a), {}, top + mid + KNOWN,
               apart="botocore passes over the role of a source that has keys")
    yield case("a role and keys", issued(a), {}, "[default]\n%srole_arn = %s\n" % (KNOWN, arn("a")), apart=BARE_ROLE)
    yield case("a role alone", issued(GOT_INSTANCE, a), {}, "[default]\nrole_arn = %s\n" % arn("a"), imds=True,
               apart=BARE_ROLE)
    yield case("a source that is not there", REFUSED, {}, top, imds=True)
    yield case("a source without credentials", REFUSED, {}, top + "[profile b]\nregion = eu-west-1\n")
    yield case("a source without role", REFUSED, {}, "[default]\nsource_profile = b\n[profile b]\n" + KNOWN, imds=True,
               apart="botocore passes over source_profile without role_arn")
    yield case("two kinds of sources", REFUSED, {},
               top + "credential_source = Ec2InstanceMetadata\n[profile b]\n" + KNOWN, imds=True)
    yield case("the instance as source", issued(GOT_INSTANCE, a), {},
               "[default]\nrole_arn = %s\ncredential_source = Ec2InstanceMetadata\n" % arn("a"), imds=True)
    yield case("no instance as source", REFUSED, {},
               "[default]\nrole_arn = %s\ncredential_source = Ec2InstanceMetadata\n" % arn("a"))
    yield case("a source that nobody knows", REFUSED, {},
               "[default]\nrole_arn = %s\ncredential_source = ec2instancemetadata\n" % arn("a"), imds=True)
    yield case("web identity of a profile", issued(GOT_WEB), {}, "[default]\n" + web)
    yield case("web identity of a profile and its session", issued(("web_identity", "web", "made-up-session")), {},
               "[default]\nrole_session_name = made-up-session\n" + web)
    yield case("web identity of a profile without role", REFUSED, {},
               "[default]\nweb_identity_token_file = {dir}/web-token\n", imds=True)
    yield case("a role on web identity of a profile", issued(GOT_WEB, a), {}, top + "[profile b]\n" + web)
    yield case("a second factor", REFUSED, {}, top + "mfa_serial = arn:aws:iam::1:mfa/x\n[profile b]\n" + KNOWN,
               apart="botocore asks for the code")
    yield case("a login session", REFUSED, {}, "[default]\nlogin_session = made-up\n")


def of_processes():
    start = "[default]\ncredential_process = "
    got = keys("AKPROCESS", "made-up/process", "made-up-process-token")
    yield case("a process with arguments", got, {}, start + "{dir}/give \"two words\" 'three'\n")
    yield case("a process by its name", got, {"PATH": "{dir}:/usr/bin:/bin"}, start + "give\n")
    yield case("a role on a process", issued(("assume_role", "a", None)), {},
               start + "{dir}/give-known\nrole_arn = %s\n" % arn("a"), apart=BARE_ROLE)
    yield case("a source profile with a process", issued(("assume_role", "a", None)), {},
               "[default]\nrole_arn = %s\nsource_profile = b\n[profile b]\ncredential_process = {dir}/give-known\n"
               % arn("a"))
    yield case("a process whose keys are old already", got, {}, start + "{dir}/expired\n",
               apart="botocore refuses them; here, as in the SDK for Go, the service decides")
    for name in "fail", "no-json", "other-version", "no-secret", "not-there":
        yield case("a process: " + name, REFUSED, {}, start + "{dir}/%s\n" % name, imds=True)


def of_sso(checks_age):
    no_age = None if checks_age else "this botocore leaves it to the portal"
    legacy = ("[default]\nsso_start_url = https://start.example\nsso_region = eu-west-1\n"
              "sso_account_id = %s\nsso_role_name = reader\n" % ACCOUNT)
    session = "[default]\nsso_session = my\nsso_account_id = %s\nsso_role_name = reader\n" % ACCOUNT
    my = "[sso-session my]\nsso_region = eu-west-1\nsso_start_url = https://start.example\n"
    url = "https://start.example"
    old = token_cache(url, expires="2020-01-01T00:00:00Z")
    yield case("SSO by its address", issued(GOT_SSO), {}, legacy, files=token_cache(url))
    yield case("SSO by its session", issued(GOT_SSO), {}, session + my, files=token_cache("my"))
    yield case("a role on SSO", issued(GOT_SSO, ("assume_role", "a", None)), {},
               "[profile p]\nrole_arn = %s\nsource_profile = default\n" % arn("a") + legacy,
               files=token_cache(url), options=dict(profile="p"))
    yield case("SSO before a process", issued(GOT_SSO), {}, legacy + "credential_process = {dir}/give\n",
               files=token_cache(url))
    yield case("SSO without a token", REFUSED, {}, legacy, imds=True)
    yield case("SSO with an old token", REFUSED, {}, legacy, files=old, imds=True, apart=no_age)
    yield case("SSO with a token that the portal refuses", REFUSED, {}, legacy, files=token_cache(url, "other"),
               imds=True)
    yield case("SSO with a token that is no JSON", REFUSED, {}, legacy, imds=True,
               files={next(iter(old)): "no JSON"})
    yield case("SSO session that is not there", REFUSED, {}, session, imds=True)
    yield case("SSO session without region", REFUSED, {}, session + "[sso-session my]\nsso_start_url = u\n", imds=True)
    yield case("SSO session that contradicts", REFUSED, {}, session + "sso_region = eu-north-1\n" + my,
               files=token_cache("my"), imds=True)
    yield case("SSO without account", REFUSED, {}, "[default]\nsso_start_url = u\nsso_region = r\nsso_role_name = x\n",
               imds=True)


def of_file_texts(by_environment):
    p = {"AWS_PROFILE": "p"}
    got = keys("AKP", "made-up/p")
    strict = "botocore's parser takes nothing twice"
    yield case("line ends of Windows", got, p, ("[profile p]\n" + pair("AKP", "made-up/p")).replace("\n", "\r\n"))
    yield case("a byte order mark", got, {}, "\ufeff[default]\n" + pair("AKP", "made-up/p"),
               apart="botocore takes the mark for text", go_apart="the SDK for Go takes the mark for text")
    yield case("a name in quotes", got, {"AWS_PROFILE": "a b"}, "[profile \"a b\"]\n" + pair("AKP", "made-up/p"),
               go_apart="the SDK for Go takes the quotes for a part of the name")
    yield case("keys in capitals", got, p, "[profile p]\n" + pair("AKP", "made-up/p").upper().replace("MADE-UP/P", "made-up/p"))
    yield case("comments", got, p, "# c\n[profile p] # c\n; c\n" + pair("AKP", "made-up/p") + "#\n")
    yield case("comments behind values", got, p, "[profile p]\naws_access_key_id = AKP # c\n"
               "aws_secret_access_key = made-up/p ; c\n", apart=NO_COMMENTS)
    yield case("a block within a profile", got, p, "[profile p]\ns3 =\n  max_concurrent_requests = 1\n  x = y\n"
               + pair("AKP", "made-up/p"))
    yield case("a profile without its prefix", REFUSED, p, "[p]\n" + pair("AKP", "made-up/p"), imds=True)
    yield case("a prefix in the credentials file", REFUSED, p, None, "[profile p]\n" + pair("AKP", "made-up/p"),
               imds=True)
    yield case("a profile in two parts", got, p, "[profile p]\naws_access_key_id = AKP\n[profile q]\n[profile p]\n"
               "aws_secret_access_key = made-up/p\n", apart=strict)
    yield case("a key twice", got, p, "[profile p]\naws_access_key_id = no\n" + pair("AKP", "made-up/p"), apart=strict)
    yield case("a line that is nothing", REFUSED, p, "[profile p]\nmade up\n" + pair("AKP", "made-up/p"),
               go_apart="the SDK for Go passes over it")
    yield case("a key before all sections", REFUSED, p, "a = b\n[profile p]\n" + pair("AKP", "made-up/p"),
               go_apart="the SDK for Go passes over it")
    yield case("a heading without its end", REFUSED, p, "[profile p\n" + pair("AKP", "made-up/p"))
    yield case("files elsewhere", keys("AKO", "made-up/o"), {"AWS_CONFIG_FILE": "{home}/other"},
               "[default]\n" + pair("AKP", "no"), files={"other": "[default]\n" + pair("AKO", "made-up/o")})
    yield case("files below the home", keys("AKO", "made-up/o"), {"AWS_SHARED_CREDENTIALS_FILE": "~/other"},
               files={"other": "[default]\n" + pair("AKO", "made-up/o")},
               go_apart="the SDK for Go knows no sign for the home")
    yield case("no files where they are said to be", issued(GOT_POD), dict(POD, AWS_CONFIG_FILE="{dir}/none/config"))
    old = None if by_environment else "this botocore knows no configured endpoints"
    role = "role_arn = %s\nsource_profile = b\n" % arn("a")
    early = "the SDK for Go makes its STS client before it has read that"
    for name, line, rest, go in (("an endpoint of the profile", "endpoint_url = {base}\n", "", early),
                                 ("an endpoint of the profile's services", "services = s\n",
                                  "[services s]\nsts =\n  endpoint_url = {base}\n", None)):
        yield case(name, issued(("assume_role", "a", None)), {"AWS_ENDPOINT_URL_STS": None},
                   "[default]\n" + role + line + "[profile b]\n" + KNOWN + rest, apart=old, go_apart=go)
