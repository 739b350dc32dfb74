#!/usr/bin/python3
"""The stand-in's AWS against botocore: it takes keys from each of its services and signs with them.

What a botocore is too old for (endpoints by environment, token files of containers) is asked through
its clients instead of its chain of credentials.
"""
import json
import os

import harness as h

try:
    import botocore
    import botocore.auth
    import botocore.awsrequest
    import botocore.config
    import botocore.credentials
    import botocore.exceptions
    import botocore.session
except ImportError:
    h.skip("the Debian package python3-botocore is not installed")

VERSION = tuple(int(n) for n in botocore.__version__.split(".")[:2])
BY_ENVIRONMENT = VERSION >= (1, 31)  # AWS_ENDPOINT_URL_*
TOKEN_FILES = VERSION >= (1, 34)     # AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
ROLE = "arn:aws:iam::210987654321:role/path/writer"
EMPTY_SNAPPY = b"\0"


class Environment:
    """os.environ has these AWS_ variables and no others."""

    def __init__(self, directory, **variables):
        nowhere = os.path.join(directory.path, "no-such-file")
        self.variables = dict(AWS_CONFIG_FILE=nowhere, AWS_SHARED_CREDENTIALS_FILE=nowhere,
                              AWS_EC2_METADATA_DISABLED="true", AWS_DEFAULT_REGION=h.REGION)
        self.variables.update(variables)

    def __enter__(self):
        self.before = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
        for k in self.before:
            del os.environ[k]
        os.environ.update(self.variables)

    def __exit__(self, *_):
        for k in self.variables:
            del os.environ[k]
        os.environ.update(self.before)


def keys(receiver):
    return h.get_json("http://127.0.0.1:%d/aws/keys" % receiver.port)


def write(receiver, credentials):
    """A remote write that botocore signs: its status."""
    request = botocore.awsrequest.AWSRequest("POST", receiver.url, data=EMPTY_SNAPPY, headers={
        "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0"})
    botocore.auth.SigV4Auth(credentials, "aps", h.REGION).add_auth(request)
    prepared = request.prepare()
    try:
        h._opener.open(h.urllib.request.Request(receiver.url, data=EMPTY_SNAPPY,
                                                headers=dict(prepared.headers)), timeout=20)
        return 200
    except h.urllib.error.HTTPError as e:
        return "%d %s" % (e.code, e.read().decode())


def same(receiver, source, got):
    """What botocore has is what was issued last, by that source, and may write."""
    last = keys(receiver)[-1]
    h.check(last["source"] == source, "the last keys are from %s: %s" % (source, last["source"]))
    h.check((got.access_key, got.secret_key, got.token)
            == (last["AccessKeyId"], last["SecretAccessKey"], last["Token"]), "keys of " + source)
    status = write(receiver, botocore.credentials.Credentials(got.access_key, got.secret_key, got.token))
    h.check(status == 200, "keys of %s may write: %s" % (source, status))
    h.check(keys(receiver)[-1]["writes"] == 1, "the write is booked on the keys of " + source)


def by_chain(receiver, source, directory, method, **variables):
    with Environment(directory, **variables):
        got = botocore.session.Session().get_credentials()
        if h.check(got is not None, "botocore finds keys from " + source):
            h.check(got.method == method, "botocore calls %s %s" % (source, got.method))
            same(receiver, source, got.get_frozen_credentials())


def client(service, base, credentials=None, **more):
    session = botocore.session.Session()
    if credentials:
        session.set_credentials(*credentials)
    return session.create_client(service, region_name=h.REGION, endpoint_url=base,
                                 config=botocore.config.Config(retries={"max_attempts": 0}, **more))


def frozen(found, access="AccessKeyId", secret="SecretAccessKey", token="SessionToken"):
    return botocore.credentials.ReadOnlyCredentials(found[access], found[secret], found[token])


def refused(what, code, status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
        h.check(False, what + " was not refused")
    except botocore.exceptions.ClientError as e:
        error, meta = e.response["Error"], e.response["ResponseMetadata"]
        h.check((error["Code"], meta["HTTPStatusCode"]) == (code, status), "%s: %s" % (what, e.response))
        h.check(bool(error["Message"]), what + " has a message")


def containers(receiver, base, d):
    by_chain(receiver, "ecs", d, "container-role", AWS_CONTAINER_CREDENTIALS_FULL_URI=base + "/v2/credentials/1234",
             AWS_CONTAINER_AUTHORIZATION_TOKEN="container-token")
    by_chain(receiver, "pod_identity", d, "container-role",
             AWS_CONTAINER_CREDENTIALS_FULL_URI=base + "/v1/credentials",
             AWS_CONTAINER_AUTHORIZATION_TOKEN="container-token")
    if TOKEN_FILES:
        by_chain(receiver, "pod_identity", d, "container-role",
                 AWS_CONTAINER_CREDENTIALS_FULL_URI=base + "/v1/credentials",
                 AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=d.file("container-token"))
    with Environment(d, AWS_CONTAINER_CREDENTIALS_FULL_URI=base + "/v1/credentials",
                     AWS_CONTAINER_AUTHORIZATION_TOKEN="wrong"):
        try:
            botocore.session.Session().get_credentials()
            h.check(False, "a wrong token of a container is taken")
        except botocore.exceptions.CredentialRetrievalError as e:
            h.check("400" in str(e), "a wrong token: %s" % e)


def instance(receiver, base, d):
    by_chain(receiver, "imds", d, "iam-role", AWS_EC2_METADATA_DISABLED="false",
             AWS_EC2_METADATA_SERVICE_ENDPOINT=base + "/")
    receiver.switch(aws_no_role=1)
    with Environment(d, AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=base + "/"):
        h.check(botocore.session.Session().get_credentials() is None, "no role, no keys")
    receiver.switch(aws_no_role=0)


def sts(receiver, base, d):
    """Signed by botocore for sts, with the configured keys and with those that come out of it."""
    own = (h.ACCESS_KEY, h.SECRET_KEY)
    identity = client("sts", base, own).get_caller_identity()
    h.check((identity["Account"], identity["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/ampagent"),
            "who has the configured keys: %s" % identity)
    answer = client("sts", base, own).assume_role(RoleArn=ROLE, RoleSessionName="s@1", ExternalId="x:1/2",
                                                  DurationSeconds=3600)
    h.check(answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::210987654321:assumed-role/writer/s@1",
            "whom the role made: %s" % answer["AssumedRoleUser"])
    first = frozen(answer["Credentials"])
    same(receiver, "assume_role", first)
    h.check(keys(receiver)[-1]["external_id"] == "x:1/2", "the external id came along")
    chained = client("sts", base, tuple(first))
    h.check(chained.get_caller_identity()["Arn"].endswith("assumed-role/writer/s@1"), "who has the role's keys")
    same(receiver, "assume_role", frozen(chained.assume_role(RoleArn=ROLE, RoleSessionName="s2")["Credentials"]))
    refused("a chained role for two hours", "ValidationError", 400, chained.assume_role, RoleArn=ROLE,
            RoleSessionName="s2", DurationSeconds=7200)
    refused("a wrong secret key", "SignatureDoesNotMatch", 403,
            client("sts", base, (h.ACCESS_KEY, "wrong")).get_caller_identity)
    refused("an unknown key", "InvalidClientTokenId", 403,
            client("sts", base, ("AKIAUNKNOWNUNKNOWN00", "x")).get_caller_identity)
    receiver.switch(aws_grace_ms=0, aws_life_ms=1)
    short = frozen(client("sts", base, own).assume_role(RoleArn=ROLE, RoleSessionName="short")["Credentials"])
    refused("keys past their time", "ExpiredToken", 403, client("sts", base, tuple(short)).get_caller_identity)
    status = str(write(receiver, botocore.credentials.Credentials(*short)))
    h.check(status.startswith("403") and "token included in the request is expired" in status, status)
    receiver.switch(aws_life_ms=3600000, aws_assume_denied=1)
    refused("a denied role", "AccessDenied", 403, client("sts", base, own).assume_role, RoleArn=ROLE,
            RoleSessionName="s1")
    receiver.switch(aws_assume_denied=0, aws_throttled=1)
    refused("throttled", "Throttling", 400, client("sts", base, own).assume_role, RoleArn=ROLE, RoleSessionName="s1")
    receiver.switch(aws_throttled=0)


def web_identity(receiver, base, d):
    unsigned = client("sts", base, signature_version=botocore.UNSIGNED)
    ask = dict(RoleArn=ROLE, RoleSessionName="web")
    same(receiver, "web_identity",
         frozen(unsigned.assume_role_with_web_identity(WebIdentityToken="web-token", **ask)["Credentials"]))
    refused("another token", "InvalidIdentityToken", 400, unsigned.assume_role_with_web_identity,
            WebIdentityToken="something else", **ask)
    if BY_ENVIRONMENT:
        by_chain(receiver, "web_identity", d, "assume-role-with-web-identity", AWS_ROLE_ARN=ROLE,
                 AWS_WEB_IDENTITY_TOKEN_FILE=d.file("web-token"), AWS_ENDPOINT_URL_STS=base)
    d.file("web-token", "web-token-2")
    refused("the token of before", "ExpiredTokenException", 400, unsigned.assume_role_with_web_identity,
            WebIdentityToken="web-token", **ask)
    same(receiver, "web_identity",
         frozen(unsigned.assume_role_with_web_identity(WebIdentityToken="web-token-2", **ask)["Credentials"]))


def profiles(receiver, base, d):
    if not BY_ENVIRONMENT:
        return
    path = d.file("config", "[default]\nrole_arn = %s\nsource_profile = base\n[profile base]\n"
                  "aws_access_key_id = %s\naws_secret_access_key = %s\n" % (ROLE, h.ACCESS_KEY, h.SECRET_KEY))
    by_chain(receiver, "assume_role", d, "assume-role", AWS_CONFIG_FILE=path, AWS_ENDPOINT_URL_STS=base)


def sso(receiver, base, d):
    portal = client("sso", base)
    answer = portal.get_role_credentials(roleName="reader", accountId="210987654321", accessToken="sso-token")
    same(receiver, "sso", frozen(answer["roleCredentials"], "accessKeyId", "secretAccessKey", "sessionToken"))
    refused("another SSO token", "UnauthorizedException", 401, portal.get_role_credentials, roleName="reader",
            accountId="210987654321", accessToken="wrong")


with h.Dir() as d:
    receiver = h.Receiver(d, "--aws", "--aws-container-token-file=" + d.file("container-token", "container-token"),
                          "--aws-web-token-file=" + d.file("web-token", "web-token"), "--aws-sso-token=sso-token")
    with receiver:
        base = "http://127.0.0.1:%d" % receiver.port
        for part in (containers, instance, sts, web_identity, profiles, sso):
            with Environment(d):
                part(receiver, base, d)
        aws = receiver.stats()["aws"]
        h.check(aws["at_once"] == 1, "one after the other: %s" % aws)
        h.check(aws["issued"] == len(keys(receiver)), "all keys are told: %s" % aws)
        h.check(aws["refused_expired"] == 1 and aws["refused_unknown"] == 0, "refused writes: %s" % aws)
        print("botocore %s: %s" % (botocore.__version__, json.dumps(aws)))
h.finish()
