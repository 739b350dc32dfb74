#!/usr/bin/python3
"""The stand-in's ECS and EC2 API against botocore: its clients ask every call and page through every
list, and what they read out of the answers is what was put."""
import datetime
import json
import os
import urllib.error
import urllib.request

import harness as h

try:
    import botocore
    import botocore.config
    import botocore.exceptions
    import botocore.parsers
    import botocore.session
except ImportError:
    h.skip("the Debian package python3-botocore is not installed")

ACCOUNT = "123456789012"
ARN = "arn:aws:ecs:%s:%s:" % (h.REGION, ACCOUNT)


def call(receiver, method, path, document=None):
    """A page of the stand-in: its status and text."""
    data = document if isinstance(document, (bytes, type(None))) else json.dumps(document).encode()
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (receiver.port, path), data=data, method=method)
    try:
        with h._opener.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def done(receiver, method, path, document=None):
    status, text = call(receiver, method, path, document)
    h.check(status == 200, "%s %s: %d %s" % (method, path, status, text[:200]))
    return text


def client(service, receiver, keys=(h.ACCESS_KEY, h.SECRET_KEY), region=h.REGION):
    session = botocore.session.Session()
    session.set_credentials(*keys)
    return session.create_client(service, region_name=region, endpoint_url="http://127.0.0.1:%d" % receiver.port,
                                 config=botocore.config.Config(retries={"max_attempts": 0}))


def refused(code, status, fn, **kwargs):
    try:
        fn(**kwargs)
        h.check(False, "%s was not refused: %s" % (code, kwargs))
    except botocore.exceptions.ClientError as e:
        got = e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
        h.check(got == (code, status), "%s expected: %s %s" % ((code, status), got, e))
        return e.response["Error"].get("Message", "")
    return ""


def plain(answer):
    """Without what is of the request; times as seconds, as they were put."""
    if isinstance(answer, dict):
        return {k: plain(v) for k, v in answer.items() if k != "ResponseMetadata"}
    if isinstance(answer, list):
        return [plain(v) for v in answer]
    return answer.timestamp() if isinstance(answer, datetime.datetime) else answer


def same(got, wanted, what):
    h.check(plain(got) == wanted, "%s: %s instead of %s" % (what, plain(got), wanted))


# --- an account with every shape once ---

def task(cluster, n, service=None, **more):
    t = {"taskArn": ARN + "task/%s/%032x" % (cluster, n), "clusterArn": ARN + "cluster/" + cluster,
         "taskDefinitionArn": ARN + "task-definition/web:%d" % (1 + n % 3),
         "group": "service:" + service if service else "family:web", "lastStatus": "RUNNING",
         "desiredStatus": "RUNNING", "launchType": "FARGATE", "createdAt": 1700000000.25 + n,
         "startedAt": 1700000001.5 + n, "version": 3, "cpu": "256", "memory": "512",
         "attachments": [{"id": "a-%d" % n, "type": "ElasticNetworkInterface", "status": "ATTACHED",
                          "details": [{"name": "privateIPv4Address", "value": "10.0.0.%d" % (n % 250)}]}],
         "containers": [{"name": "app", "containerArn": ARN + "container/%s/%d/1" % (cluster, n),
                         "lastStatus": "RUNNING", "networkBindings": [{"bindIP": "0.0.0.0", "containerPort": 80,
                                                                       "hostPort": 32768 + n, "protocol": "tcp"}],
                         "networkInterfaces": [{"privateIpv4Address": "10.0.0.%d" % (n % 250)}]}],
         "tags": [{"key": "ü\"<&>", "value": "a\nb"}]}
    t.update(more)
    return t


CLUSTERS = [{"clusterArn": ARN + "cluster/" + name, "clusterName": name, "status": "ACTIVE",
             "tags": [{"key": "env", "value": name}]} for name in ("default", "blue", "green")]
SERVICES = [{"serviceArn": ARN + "service/blue/svc-%d" % i, "serviceName": "svc-%d" % i,
             "clusterArn": ARN + "cluster/blue", "status": "ACTIVE", "desiredCount": i, "launchType": "FARGATE",
             "schedulingStrategy": "DAEMON" if i == 7 else "REPLICA", "createdAt": 1690000000.125 + i,
             "taskDefinition": ARN + "task-definition/web:1", "tags": [{"key": "n", "value": str(i)}]}
            for i in range(23)]
TASKS = ([task("blue", i, "svc-%d" % (i % 23)) for i in range(230)]
         + [task("blue", 1000, launchType="EC2", startedBy="me",
                 containerInstanceArn=ARN + "container-instance/blue/" + "c" * 32),
            task("blue", 1001, desiredStatus="STOPPED", lastStatus="STOPPED", stoppedAt=1700000100.0),
            task("default", 2000)])
DEFINITIONS = [{"taskDefinitionArn": ARN + "task-definition/web:%d" % n, "family": "web", "revision": n,
                "networkMode": "awsvpc", "status": "ACTIVE", "registeredAt": 1680000000.5,
                "containerDefinitions": [{"name": "app", "dockerLabels": {"prometheus.io/port": "80"},
                                          "portMappings": [{"containerPort": 80, "hostPort": 80,
                                                            "protocol": "tcp"}]}]} for n in (1, 2, 10, 9)]
INSTANCES = [{"containerInstanceArn": ARN + "container-instance/blue/" + c * 32, "ec2InstanceId": "i-" + c * 17,
              "status": "ACTIVE", "agentConnected": True, "registeredAt": 1670000000.75,
              "attributes": [{"name": "ecs.os-type", "value": "linux"}]} for c in "cd"]
DOCUMENT = {"clusters": CLUSTERS, "services": SERVICES, "tasks": TASKS, "taskDefinitions": DEFINITIONS,
            "containerInstances": INSTANCES,
            "instances": [{"instanceId": "i-%017d" % i, "ownerId": "111111111111", "reservationId": "r-%d" % (i // 2),
                           "instanceState": {"code": 16 if i else 80, "name": "running" if i else "stopped"},
                           "privateIpAddress": "172.16.0.%d" % i, "instanceType": "m5.large", "ebsOptimized": True,
                           "placement": {"availabilityZone": h.REGION + "a"}, "amiLaunchIndex": i,
                           "launchTime": "2026-01-02T03:04:05.000Z",
                           "networkInterfaceSet": [{"networkInterfaceId": "eni-%017d" % i,
                                                    "ipv6AddressesSet": [{"ipv6Address": "2001:db8::1",
                                                                          "isPrimaryIpv6": True}]}],
                           "tagSet": [{"key": "Name", "value": "a <%d> & \"b\" ü\t." % i}]} for i in range(17)],
            "networkInterfaces": [{"networkInterfaceId": "eni-%017d" % i, "privateIpAddress": "10.0.0.%d" % i,
                                   "status": "in-use", "subnetId": "subnet-%d" % (i % 2),
                                   "association": {"publicIp": "198.18.0.%d" % i},
                                   "tagSet": [{"key": "k", "value": "v"}]} for i in range(12)]}


def untagged(objects):
    return [{k: v for k, v in o.items() if k != "tags"} for o in objects]


def arns(objects, member):
    return [o[member] for o in objects]


# --- ECS ---

def pages(ecs, name, member, size=None, **kwargs):
    config = {"PageSize": size} if size else {}
    read = list(ecs.get_paginator(name).paginate(PaginationConfig=config, **kwargs))
    return [arn for page in read for arn in page[member]], [len(page[member]) for page in read]


def lists(ecs):
    same(pages(ecs, "list_clusters", "clusterArns", 2)[0], arns(CLUSTERS, "clusterArn"), "clusters")
    got, sizes = pages(ecs, "list_services", "serviceArns", cluster="blue")
    same(got, arns(SERVICES, "serviceArn"), "services")
    h.check(sizes == [10, 10, 3], "pages of services: %s" % sizes)
    same(pages(ecs, "list_services", "serviceArns", 100, cluster=ARN + "cluster/blue", schedulingStrategy="DAEMON"),
         ([SERVICES[7]["serviceArn"]], [1]), "services by strategy")
    got, sizes = pages(ecs, "list_tasks", "taskArns", cluster="blue")
    same(got, arns(TASKS[:231], "taskArn"), "running tasks")
    h.check(sizes == [100, 100, 31], "pages of tasks: %s" % sizes)
    for wanted, filters in (([TASKS[231]], dict(desiredStatus="STOPPED")), ([TASKS[230]], dict(launchType="EC2")),
                            ([TASKS[230]], dict(startedBy="me")),
                            ([TASKS[230]], dict(containerInstance=INSTANCES[0]["containerInstanceArn"])),
                            ([TASKS[230]], dict(containerInstance="c" * 32)),
                            ([t for t in TASKS[:230] if t["group"] == "service:svc-5"], dict(serviceName="svc-5")),
                            ([t for t in TASKS[:231] if t["taskDefinitionArn"].endswith("web:2")][:0],
                             dict(family="we")),
                            (TASKS[:231], dict(family="web"))):
        same(pages(ecs, "list_tasks", "taskArns", 7, cluster="blue", **filters)[0], arns(wanted, "taskArn"),
             "tasks by %s" % filters)
    same(pages(ecs, "list_tasks", "taskArns")[0], [TASKS[232]["taskArn"]], "tasks of the cluster default")
    same(pages(ecs, "list_container_instances", "containerInstanceArns", 1, cluster="blue")[0],
         arns(INSTANCES, "containerInstanceArn"), "container instances")


def descriptions(ecs):
    same(ecs.describe_clusters(clusters=["blue", ARN + "cluster/green", "red"]),
         {"clusters": untagged(CLUSTERS[1:]), "failures": [{"arn": ARN + "cluster/red", "reason": "MISSING"}]},
         "clusters")
    same(ecs.describe_clusters(include=["TAGS"]), {"clusters": CLUSTERS[:1], "failures": []}, "the default cluster")
    same(ecs.describe_services(cluster="blue", services=["svc-3", SERVICES[4]["serviceArn"], "x"], include=["TAGS"]),
         {"services": SERVICES[3:5], "failures": [{"arn": ARN + "service/blue/x", "reason": "MISSING"}]}, "services")
    same(ecs.describe_services(cluster="blue", services=["svc-3"]),
         {"services": untagged(SERVICES[3:4]), "failures": []}, "services without tags")
    hundred = TASKS[130:230]
    same(ecs.describe_tasks(cluster="blue", tasks=arns(hundred, "taskArn"), include=["TAGS"]),
         {"tasks": hundred, "failures": []}, "a hundred tasks")
    same(ecs.describe_tasks(cluster="blue", tasks=["%032x" % 3, TASKS[232]["taskArn"]]),
         {"tasks": untagged(TASKS[3:4]), "failures": [{"arn": TASKS[232]["taskArn"], "reason": "MISSING"}]},
         "a task by id, and one of another cluster")
    for name, wanted in (("web:2", 1), (DEFINITIONS[0]["taskDefinitionArn"], 0), ("web", 2)):
        same(ecs.describe_task_definition(taskDefinition=name), {"taskDefinition": DEFINITIONS[wanted]}, name)
    same(ecs.describe_container_instances(cluster="blue", containerInstances=["d" * 32, "e" * 32]),
         {"containerInstances": INSTANCES[1:],
          "failures": [{"arn": ARN + "container-instance/blue/" + "e" * 32, "reason": "MISSING"}]}, "instances")


def refusals(receiver, ecs):
    refused("ClusterNotFoundException", 400, ecs.list_tasks, cluster="red")
    refused("ClusterNotFoundException", 400, ecs.describe_tasks, cluster="red", tasks=["x"])
    refused("ServiceNotFoundException", 400, ecs.list_tasks, cluster="blue", serviceName="none")
    refused("ClientException", 400, ecs.describe_task_definition, taskDefinition="web:3")
    for fn, what in ((ecs.describe_services, {"services": ["s"] * 11}), (ecs.describe_tasks, {"tasks": ["t"] * 101}),
                     (ecs.describe_tasks, {"tasks": []}), (ecs.describe_container_instances,
                                                           {"containerInstances": ["c"] * 101}),
                     (ecs.list_tasks, {"maxResults": 101}), (ecs.list_tasks, {"startedBy": "me", "family": "web"}),
                     (ecs.list_tasks, {"desiredStatus": "LOST"})):
        refused("InvalidParameterException", 400, fn, cluster="blue", **what)
    token = ecs.list_tasks(cluster="blue")["nextToken"]
    same(ecs.list_tasks(cluster="blue", nextToken=token, maxResults=1)["taskArns"], [TASKS[100]["taskArn"]],
         "a token with another size of page")
    wrong = token[:-1] + ("1" if token[-1] == "0" else "0")
    for args in (dict(cluster="blue", nextToken=wrong), dict(nextToken=token), dict(cluster="blue", nextToken="7"),
                 dict(cluster="blue", nextToken=token, desiredStatus="STOPPED")):
        message = refused("InvalidParameterException", 400, ecs.list_tasks, **args)
        h.check(message == "Invalid token", "a token that is none: %s" % message)
    refused("InvalidParameterException", 400, ecs.list_services, cluster="blue", nextToken=token)
    refused("UnknownOperationException", 400, ecs.list_account_settings)
    refused("InvalidSignatureException", 400, client("ecs", receiver, (h.ACCESS_KEY, "wrong")).list_clusters)
    refused("UnrecognizedClientException", 400, client("ecs", receiver, ("AKIAUNKNOWNUNKNOWN00", "x")).list_clusters)
    refused("InvalidSignatureException", 400, client("ecs", receiver, region="eu-north-1").list_clusters)


def switches(receiver, ecs, ec2):
    receiver.switch(aws_api_denied="ListTasks,DescribeInstances")
    message = refused("AccessDeniedException", 400, ecs.list_tasks, cluster="blue")
    h.check("is not authorized to perform: ecs:ListTasks" in message, message)
    refused("UnauthorizedOperation", 403, ec2.describe_instances)
    ecs.list_clusters()
    receiver.switch(aws_api_denied="", aws_api_fail_at=2)
    ecs.list_clusters()
    refused("ServerException", 500, ecs.list_clusters)
    ecs.list_clusters()
    receiver.switch(aws_api_fail_at=1)
    refused("InternalError", 500, ec2.describe_instances)
    receiver.switch(aws_api_garbage=1)
    h.check("clusterArns" not in ecs.list_clusters(), "half of an answer")
    try:
        ec2.describe_instances()
        h.check(False, "half of an answer is taken")
    except botocore.parsers.ResponseParserError:
        pass
    receiver.switch(aws_api_garbage=0, aws_api_rate=0.001, aws_api_burst=3)
    for fn, code, status in ((ecs.list_services, "ThrottlingException", 400),
                             (ec2.describe_network_interfaces, "RequestLimitExceeded", 503)):
        refusals_seen = 0
        for _ in range(5):
            try:
                fn(**({"cluster": "blue"} if code == "ThrottlingException" else {}))
            except botocore.exceptions.ClientError as e:
                h.check((e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
                        == (code, status), "throttled: %s" % e.response)
                refusals_seen += 1
        h.check(2 <= refusals_seen <= 4, "%d of 5 calls throttled" % refusals_seen)
    ecs.describe_task_definition(taskDefinition="web:1")
    receiver.switch(aws_api_rate=0, aws_api_burst=50)
    ecs.list_services(cluster="blue")


# --- EC2 ---

def instances_of(answer):
    return [i for r in answer["Reservations"] for i in r["Instances"]]


def ec2_instances(ec2):
    got = [i for page in ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
           for i in instances_of(page)]
    h.check([i["InstanceId"] for i in got] == ["i-%017d" % i for i in range(17)], "instances in pages of five")
    answer = ec2.describe_instances(InstanceIds=["i-%017d" % 3])
    reservation, one = answer["Reservations"][0], instances_of(answer)[0]
    h.check((reservation["OwnerId"], reservation["ReservationId"]) == ("111111111111", "r-1"), str(reservation))
    h.check((one["PrivateIpAddress"], one["State"], one["Placement"]["AvailabilityZone"], one["EbsOptimized"],
             one["AmiLaunchIndex"], one["LaunchTime"].timestamp())
            == ("172.16.0.3", {"Code": 16, "Name": "running"}, h.REGION + "a", True, 3, 1767323045.0), str(one))
    h.check(one["Tags"] == [{"Key": "Name", "Value": "a <3> & \"b\" ü\t."}], str(one["Tags"]))
    h.check(one["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"] == "2001:db8::1", str(one))
    for filters, wanted in (([{"Name": "instance-state-name", "Values": ["stopped", "stopping"]}], [0]),
                            ([{"Name": "private-ip-address", "Values": ["172.16.0.1?"]},
                              {"Name": "tag:Name", "Values": ["*<11>*", "*<12>*"]}], [11, 12]),
                            ([{"Name": "availability-zone", "Values": ["none"]}], [])):
        ids = [i["InstanceId"] for i in instances_of(ec2.describe_instances(Filters=filters))]
        h.check(ids == ["i-%017d" % n for n in wanted], "%s: %s" % (filters, ids))


def ec2_others(ec2):
    got = [n for page in ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 5})
           for n in page["NetworkInterfaces"]]
    h.check([n["PrivateIpAddress"] for n in got] == ["10.0.0.%d" % i for i in range(12)], "interfaces: %s" % got)
    h.check(got[7]["Association"]["PublicIp"] == "198.18.0.7", str(got[7]))
    one = ec2.describe_network_interfaces(NetworkInterfaceIds=["eni-%017d" % 4],
                                          Filters=[{"Name": "subnet-id", "Values": ["subnet-0"]}])
    h.check(len(one["NetworkInterfaces"]) == 1, "one interface")
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    h.check([z["ZoneName"] for z in zones] == [h.REGION + c for c in "abc"], str(zones))
    h.check(all(z["ZoneId"].endswith("-az%d" % (i + 1)) for i, z in enumerate(zones)), str(zones))
    refused("InvalidInstanceID.NotFound", 400, ec2.describe_instances, InstanceIds=["i-%017d" % 3, "i-%017d" % 99])
    refused("InvalidInstanceID.Malformed", 400, ec2.describe_instances, InstanceIds=["mi-0123456789abcdef0"])
    refused("InvalidNetworkInterfaceID.NotFound", 400, ec2.describe_network_interfaces, NetworkInterfaceIds=["eni-9"])
    refused("InvalidParameterCombination", 400, ec2.describe_instances, InstanceIds=["i-%017d" % 3], MaxResults=5)
    refused("InvalidParameterValue", 400, ec2.describe_instances, MaxResults=4)
    refused("InvalidParameterValue", 400, ec2.describe_instances, MaxResults=5, NextToken="x")
    refused("InvalidParameterValue", 400, ec2.describe_instances, Filters=[{"Name": "colour", "Values": ["x"]}])


# --- the account itself ---

def changes(receiver, ecs):
    """Changes between two pages: none of the others is told twice or not at all."""
    first = ecs.list_tasks(cluster="blue")
    new = task("blue", 5000, "svc-1")
    changed = dict(TASKS[3], lastStatus="DEPROVISIONING")
    done(receiver, "PATCH", "/aws/ecs", {"tasks": [new, changed], "gone": [TASKS[50]["taskArn"], TASKS[150]["taskArn"]]})
    rest = [a for page in ecs.get_paginator("list_tasks").paginate(
        cluster="blue", PaginationConfig={"StartingToken": None}) for a in page["taskArns"]]
    second = ecs.list_tasks(cluster="blue", nextToken=first["nextToken"])
    gone = {TASKS[50]["taskArn"], TASKS[150]["taskArn"]}
    wanted = [a for a in arns(TASKS[:231], "taskArn") if a not in gone] + [new["taskArn"]]
    same(rest, wanted, "tasks after a change")
    h.check(second["taskArns"][0] == TASKS[100]["taskArn"], "the second page goes on where the first ended")
    same(ecs.describe_tasks(cluster="blue", tasks=[TASKS[3]["taskArn"], TASKS[50]["taskArn"]], include=["TAGS"]),
         {"tasks": [changed], "failures": [{"arn": TASKS[50]["taskArn"], "reason": "MISSING"}]}, "a changed task")
    status, text = call(receiver, "PATCH", "/aws/ecs", {"gone": [new["taskArn"]], "tasks": [{"name": "no ARN"}]})
    h.check(status == 400 and "taskArn" in text, "a task without ARN: %d %s" % (status, text))
    h.check(new["taskArn"] in ecs.list_tasks(cluster="blue", serviceName="svc-1")["taskArns"], "nothing was changed")
    h.check(call(receiver, "PUT", "/aws/ecs", b'{"tasks":[')[0] == 400, "half a document is refused")
    account = json.loads(done(receiver, "GET", "/aws/ecs"))
    h.check(account["services"] == SERVICES and len(account["tasks"]) == len(TASKS) - 1, "what is given back")


def made_up(receiver, ecs, ec2):
    """Whatever is filled in hangs together."""
    for launch, network in (("FARGATE", "awsvpc"), ("EC2", "awsvpc"), ("EC2", "bridge"), ("EC2", "host")):
        done(receiver, "POST", "/aws/ecs/fill?tasks=250&services=12&launch=%s&network=%s&cluster=big" % (launch, network),
             b"")
        found = pages(ecs, "list_tasks", "taskArns", 100, cluster="big")[0]
        h.check(len(set(found)) == 250, "%d tasks" % len(set(found)))
        tasks = [t for i in range(0, 250, 100)
                 for t in ecs.describe_tasks(cluster="big", tasks=found[i:i + 100], include=["TAGS"])["tasks"]]
        services = pages(ecs, "list_services", "serviceArns", cluster="big")[0]
        h.check(len(services) == 12, "services: %s" % services)
        told = [s for i in (0, 10) for s in ecs.describe_services(cluster="big", services=services[i:i + 10])["services"]]
        h.check(sum(s["runningCount"] for s in told) == 250, "the services' tasks are all")
        definitions = {a: ecs.describe_task_definition(taskDefinition=a)["taskDefinition"]
                       for a in {t["taskDefinitionArn"] for t in tasks}}
        labelled = [d for d in definitions.values() if d["containerDefinitions"][0].get("dockerLabels")]
        h.check((len(definitions), len(labelled)) == (12, 6), "half of the definitions are labelled")
        h.check({d["networkMode"] for d in definitions.values()} == {network}, "network " + network)
        addresses(ecs, ec2, tasks, launch, network)


def addresses(ecs, ec2, tasks, launch, network):
    if network == "awsvpc":
        details = [{d["name"]: d["value"] for d in t["attachments"][0]["details"]} for t in tasks]
        ips = {d["privateIPv4Address"] for d in details}
        h.check(len(ips) == 250, "%d addresses" % len(ips))
        found = ec2.describe_network_interfaces(NetworkInterfaceIds=[d["networkInterfaceId"] for d in details])
        h.check({n["PrivateIpAddress"] for n in found["NetworkInterfaces"]} == ips, "their interfaces")
        h.check(all(t["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] in ips for t in tasks), "containers")
    if launch == "EC2":
        on = {t["containerInstanceArn"] for t in tasks}
        ids = [c["ec2InstanceId"] for i in range(0, len(on), 100) for c in ecs.describe_container_instances(
            cluster="big", containerInstances=sorted(on)[i:i + 100])["containerInstances"]]
        wanted = 250 if network == "host" else 13
        h.check(len(ids) == len(on) == wanted, "%d instances" % len(ids))
        h.check(len(instances_of(ec2.describe_instances(InstanceIds=ids))) == wanted, "their instances")
    if network == "bridge":
        ports = {(t["containerInstanceArn"], b["hostPort"]) for t in tasks
                 for c in t["containers"] for b in c["networkBindings"]}
        h.check(len(ports) == 500, "%d host ports" % len(ports))


with h.Dir() as d:
    nowhere = os.path.join(d.path, "no-such-file")
    for name in [k for k in os.environ if k.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=nowhere, AWS_SHARED_CREDENTIALS_FILE=nowhere, AWS_EC2_METADATA_DISABLED="true")
    receiver = h.Receiver(d, "--aws", "--aws-api-rate=0")
    with receiver:
        ecs, ec2 = client("ecs", receiver), client("ec2", receiver)
        h.check(ecs.list_clusters()["clusterArns"] == [], "an account without anything")
        refused("ClusterNotFoundException", 400, ecs.list_tasks)
        done(receiver, "PUT", "/aws/ecs", DOCUMENT)
        h.check(json.loads(done(receiver, "GET", "/aws/ecs")) == DOCUMENT, "what was put is given back")
        lists(ecs)
        descriptions(ecs)
        ec2_instances(ec2)
        ec2_others(ec2)
        refusals(receiver, ecs)
        switches(receiver, ecs, ec2)
        changes(receiver, ecs)
        made_up(receiver, ecs, ec2)
        done(receiver, "PUT", "/aws/ecs", b"")
        h.check(ecs.list_clusters()["clusterArns"] == [], "the account is empty again")
        aws = receiver.stats()["aws"]
        h.check(aws["api"]["DescribeClusters"] == 2, "calls are counted: %s" % aws)
        h.check((aws["failed"], aws["denied"], aws["unknown_actions"]) == (2, 2, 1), "refusals are counted: %s" % aws)
        h.check(4 <= aws["throttled"] <= 8, "throttled calls are counted: %s" % aws)
        print("botocore %s: %s" % (botocore.__version__, json.dumps(aws)))
h.finish()
