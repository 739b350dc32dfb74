"""Accounts for the stand-in's ECS API, cluster by cluster, and the targets that Prometheus makes of them."""
import re

REGION = "eu-west-1"
ARN = "arn:aws:ecs:%s:123456789012:" % REGION
LISTS = ("clusters", "services", "tasks", "taskDefinitions", "containerInstances", "instances", "networkInterfaces")


def tags(**kwargs):
    return [{"key": k, "value": v} for k, v in kwargs.items()]


class Account:
    def __init__(self):
        self.doc = {name: [] for name in LISTS}
        self.n = 0

    def cluster(self, name, tag_list=()):
        self.doc["clusters"].append({"clusterArn": ARN + "cluster/" + name, "clusterName": name, "status": "ACTIVE",
                                     "tags": list(tag_list)})
        return name

    def service(self, cluster, name, status="ACTIVE", tag_list=()):
        self.doc["services"].append({"serviceArn": ARN + "service/%s/%s" % (cluster, name), "serviceName": name,
                                     "clusterArn": ARN + "cluster/" + cluster, "status": status,
                                     "launchType": "FARGATE", "tags": list(tag_list)})
        return name

    def instance(self, cluster, name, tag_list=(), **more):
        """A container instance and its EC2 instance; None leaves a field out."""
        self.n += 1
        ec2 = {"instanceId": "i-%017x" % self.n, "privateIpAddress": "10.1.%d.%d" % (self.n // 250, self.n % 250 + 1),
               "subnetId": "subnet-hosts", "vpcId": "vpc-1", "instanceType": "m7g.large",
               "instanceState": {"name": "running"}, "tagSet": list(tag_list)}
        ec2.update(more)
        self.doc["instances"].append({k: v for k, v in ec2.items() if v is not None})
        arn = ARN + "container-instance/%s/%s" % (cluster, name)
        self.doc["containerInstances"].append({"containerInstanceArn": arn, "ec2InstanceId": ec2["instanceId"],
                                               "clusterArn": ARN + "cluster/" + cluster, "status": "ACTIVE"})
        return arn

    def eni(self, ipv4="auto", public=None, ipv6=None):
        """An attachment."""
        self.n += 1
        number = "%017x" % self.n
        details = [{"name": "subnetId", "value": "subnet-tasks"},
                   {"name": "networkInterfaceId", "value": "eni-" + number},
                   {"name": "macAddress", "value": "0a:00:00:00:00:01"}]
        if ipv4 == "auto":
            ipv4 = "10.2.%d.%d" % (self.n // 250, self.n % 250 + 1)
        if ipv4:
            details.append({"name": "privateIPv4Address", "value": ipv4})
        if ipv6:
            details.append({"name": "ipv6Address", "value": ipv6})
        interface = {"networkInterfaceId": "eni-" + number, "subnetId": "subnet-tasks", "status": "in-use"}
        if public:
            interface["association"] = {"publicIp": public}
        self.doc["networkInterfaces"].append(interface)
        return {"id": "attachment-" + number, "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}

    def task(self, cluster, group, attachments=(), host=None, definition="app:1", tag_list=(), **more):
        """None leaves a field out."""
        self.n += 1
        task = {"taskArn": ARN + "task/%s/%032x" % (cluster, self.n), "clusterArn": ARN + "cluster/" + cluster,
                "taskDefinitionArn": ARN + "task-definition/" + definition, "group": group,
                "launchType": "EC2" if host else "FARGATE", "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
                "healthStatus": "UNKNOWN", "availabilityZone": REGION + "a", "attachments": list(attachments),
                "containers": [{"name": "app", "lastStatus": "RUNNING"}], "tags": list(tag_list)}
        if host:
            task["containerInstanceArn"] = host
        else:
            task.update(platformFamily="Linux", platformVersion="1.4.0")
        task.update(more)
        self.doc["tasks"].append({k: v for k, v in task.items() if v is not None})
        return task

    def definition(self, family, mode, containers):
        """containers: {name: (port mappings, docker labels)}."""
        doc = {"taskDefinitionArn": ARN + "task-definition/%s:1" % family, "family": family, "revision": 1,
               "status": "ACTIVE", "containerDefinitions": [
                   {"name": name, "portMappings": ports, "dockerLabels": labels}
                   for name, (ports, labels) in containers.items()]}
        if mode:
            doc["networkMode"] = mode
        self.doc["taskDefinitions"].append(doc)
        return family + ":1"

    # ---- what is to come out ----

    def of(self, what, key):
        return {item[key]: item for item in self.doc[what] if key in item}

    def hosts(self):
        instances = self.of("instances", "instanceId")
        return {item["containerInstanceArn"]: (item.get("ec2InstanceId", ""), instances.get(item.get("ec2InstanceId"), {}))
                for item in self.doc["containerInstances"]}

    def targets(self, clusters, port):
        """The meta labels of each target, without those that are empty."""
        hosts = self.hosts()
        named = self.of("clusters", "clusterArn")
        out = []
        for task in self.doc["tasks"]:
            if task["clusterArn"] in clusters and task.get("desiredStatus", "RUNNING") != "STOPPED":
                labels = self.labels(task, named[task["clusterArn"]], hosts)
                if labels:
                    labels["__address__"] = "%s:%d" % (labels["__meta_ecs_ip_address"], port)
                    out.append({k: v for k, v in labels.items() if v})
        return out

    def labels(self, task, cluster, hosts):
        service = next((s for s in self.doc["services"] if s["clusterArn"] == task["clusterArn"]
                        and "service:" + s["serviceName"] == task.get("group")), {})
        ec2_id, ec2 = hosts.get(task.get("containerInstanceArn"), ("", {}))
        if "privateIpAddress" not in ec2:
            ec2 = {}
        eni = next((a for a in task["attachments"] if a["type"] == "ElasticNetworkInterface"), None)
        own = {d["name"]: d["value"] for d in eni["details"]} if eni else {}
        interface = self.of("networkInterfaces", "networkInterfaceId").get(own.get("networkInterfaceId"), {})
        ip = own.get("privateIPv4Address") if eni else ec2.get("privateIpAddress")
        if not ip:
            return None
        m = {
            "cluster": cluster["clusterName"], "cluster_arn": cluster["clusterArn"], "task_group": task.get("group"),
            "task_arn": task["taskArn"], "task_definition": task.get("taskDefinitionArn"), "ip_address": ip,
            "region": REGION, "launch_type": task.get("launchType"), "availability_zone": task.get("availabilityZone"),
            "desired_status": task.get("desiredStatus"), "last_status": task.get("lastStatus"),
            "health_status": task.get("healthStatus"), "network_mode": "awsvpc" if eni else "bridge",
            "platform_family": task.get("platformFamily"), "platform_version": task.get("platformVersion"),
            "subnet_id": own.get("subnetId") if eni else ec2.get("subnetId"),
            "public_ip": interface.get("association", {}).get("publicIp") if eni else ec2.get("ipAddress"),
            "container_instance_arn": task.get("containerInstanceArn"), "ec2_instance_id": ec2_id,
            "ec2_instance_type": ec2.get("instanceType"), "ec2_instance_private_ip": ec2.get("privateIpAddress"),
            "ec2_instance_public_ip": ec2.get("ipAddress"), "service": service.get("serviceName"),
            "service_arn": service.get("serviceArn"), "service_status": service.get("status"),
        }
        for kind, of in (("cluster", cluster.get("tags")), ("service", service.get("tags")), ("task", task.get("tags")),
                         ("ec2", ec2.get("tagSet"))):
            for tag in of or []:
                if "key" in tag and "value" in tag:
                    m["tag_%s_%s" % (kind, re.sub("[^a-zA-Z0-9_]", "_", tag["key"]))] = tag["value"]
        return {"__meta_ecs_" + k: v for k, v in m.items()}


ODD = [{"key": k, "value": v} for k, v in (
    ("kubernetes.io/name", "a b"), ("a-b", "first"), ("a.b", "second"), ("Größe", "groß €"), ("日本", "ja"),
    ("9lives", "nine"), ("quote\"s", "\"quoted\" \\ back"), ("empty", ""), ("UPPER_case", "x" * 255), ("e-f", "1"),
    ("e f", ""))]
# Of tags whose names come out as one Prometheus takes any in an instance's case.
ODD_EC2 = [t for t in ODD if not t["key"][0] in "ae" or t["key"] == "empty"]


def whole():
    """{shape: its cluster}, each of which Prometheus can read."""
    a = Account()
    c = a.cluster("fargate", tags(team="blue"))
    a.service(c, "web", tag_list=tags(tier="front"))
    for i in range(3):
        a.task(c, "service:web", [a.eni(public="54.0.0.%d" % (i + 1) if i else None)], startedBy="ecs-svc/1")
    c = a.cluster("ec2-awsvpc")
    a.service(c, "api")
    host = a.instance(c, "h1", tags(Name="one"), ipAddress="54.1.0.1")
    for _ in range(2):
        a.task(c, "service:api", [a.eni()], host=host)
    c = a.cluster("bridge")
    a.service(c, "web")
    for i in range(3):
        host = a.instance(c, "h%d" % i, tags(Name="host %d" % i), ipAddress="54.2.0.%d" % i if i != 1 else None)
        for _ in range(2):
            a.task(c, "service:web", host=host)
    c = a.cluster("host")
    a.service(c, "node", tag_list=tags(a="b"))
    a.task(c, "service:node", host=a.instance(c, "h", subnetId=None, instanceType=None))
    c = a.cluster("odd-tags", ODD)
    a.service(c, "web", tag_list=ODD)
    a.task(c, "service:web", [a.eni()], host=a.instance(c, "h", ODD_EC2), tag_list=ODD)
    a.task(c, "service:web", host=a.instance(c, "h2", ODD_EC2), tag_list=ODD[::-1])
    c = a.cluster("standalone", tags(team="batch"))
    a.service(c, "nightly")
    a.task(c, "family:nightly", [a.eni()], startedBy="somebody")
    a.task(c, "family:nightly", [a.eni(public="54.3.0.1")], definition="nightly:12", healthStatus="HEALTHY")
    c = a.cluster("many-services")
    for i in range(23):
        a.service(c, "s%02d" % i, "DRAINING" if i % 5 == 0 else "ACTIVE", tags(number=str(i)))
        a.task(c, "service:s%02d" % i, [a.eni()])
    c = a.cluster("stopped")
    a.service(c, "web")
    a.task(c, "service:web", [a.eni()], lastStatus="STOPPED", desiredStatus="STOPPED")
    a.task(c, "service:web", [a.eni()], lastStatus="PENDING")
    a.task(c, "service:web", [a.eni()], lastStatus="DEPROVISIONING", healthStatus="UNHEALTHY")
    a.cluster("empty")
    c = a.cluster("without-tasks")
    a.service(c, "idle")
    c = a.cluster("few-fields")
    a.task(c, "family:x", [a.eni()], launchType=None, healthStatus=None, platformFamily=None, platformVersion=None,
           startedBy=None, containers=None)
    a.task(c, "family:x", host=a.instance(c, "h", ipAddress=None, subnetId=None, instanceType=None), launchType=None,
           healthStatus=None, tags=None)
    c = a.cluster("no-address")
    a.service(c, "web")
    a.task(c, "service:web", [a.eni(ipv4=None)], lastStatus="PROVISIONING")
    a.task(c, "service:web", [], lastStatus="PROVISIONING")
    a.task(c, "service:web", [a.eni()])
    a.task(c, "service:web", host=a.instance(c, "going", tags(Name="x"), privateIpAddress=None))
    a.task(c, "service:web", [a.eni()], host=a.instance(c, "gone", tags(Name="y"), privateIpAddress=None))
    c = a.cluster("other-attachments")
    volume = {"id": "v", "type": "AmazonElasticBlockStorage", "status": "ATTACHED",
              "details": [{"name": "volumeId", "value": "vol-1"}, {"name": "privateIPv4Address", "value": "192.0.2.1"}]}
    a.task(c, "family:x", [volume, a.eni(public="54.4.0.1"), a.eni(public="54.4.0.2")])
    a.task(c, "family:x", [volume], host=a.instance(c, "h"))
    c = a.cluster("unknown-service")
    a.task(c, "service:deleted", [a.eni()])
    a.task(c, "daemon:agent", [a.eni()])
    a.task(c, "my:group", [a.eni()])
    c = a.cluster("paged")
    a.service(c, "big")
    hosts = [a.instance(c, "h%03d" % i, tags(Name="h%d" % i)) for i in range(7)]
    for i in range(230):
        a.task(c, "service:big", [a.eni()] if i % 2 else (), host=hosts[i % 7], tag_list=tags(number=str(i)))
    return a
