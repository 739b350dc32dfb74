"""Without AWS credentials the agent runs, keeps what it scrapes, says what is missing, and sends it all when keys come.

Also: keys that the service forgets, mistakes that a start or a reload refuses, and a file of Prometheus with every key
of sigv4.
"""
import signal
import subprocess

import harness as h

PAGE = "".join("m%d 1\n" % i for i in range(50)).encode()
ROLE = "arn:aws:iam::123456789012:role/writer"


def config(pages, url, sigv4="{}", timeout="30s"):
    return ("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
            "scrape_configs: [{job_name: j, static_configs: [{targets: ['%s']}]}]\n"
            "remote_write:\n- url: %s\n  name: d\n  remote_timeout: %s\n  sigv4: %s\n"
            "  queue_config: {batch_send_deadline: 100ms, min_backoff: 50ms, max_backoff: 500ms}\n"
            % (pages.address, url, timeout, sigv4))


def destination(agent):
    return agent.ledger()["destinations"][0]


def refused(agent, cause):
    return agent.metrics().get('ampagent_remote_write_refused_answers_total{remote_name="d",cause="%s"}' % cause, 0)


def all_sent(agent, receiver, what):
    h.wait_for(lambda: receiver.stats()["samples"] >= 10 * 50, 40, "%s: samples arrive" % what)
    h.check(destination(agent)["dropped"] == 0, "%s: nothing is dropped: %s" % (what, destination(agent)))
    h.check(agent.stop() == 0, "%s: exit 0" % what)
    h.check("level=ERROR" in agent.log(), "%s: told" % what)
    stats = receiver.stats()
    h.check(stats["out_of_order"] == 0 and stats["too_old"] == 0, "%s: in order: %s" % (what, stats))


def source_down(what, switches, env_of, timeout):
    """The source answers with errors, or not at all, from the start on."""
    with h.Dir() as d, h.Pages({"/metrics": PAGE}) as pages, h.Receiver(d, "--aws") as aws:
        aws.switch(**{name: 1 for name in switches})
        env = dict(env_of("http://127.0.0.1:%d" % aws.port), AWS_REGION=h.REGION)
        with h.Agent(d, config(pages, aws.url, timeout=timeout), env=env) as agent:
            agent.wait_ready()
            h.wait_for(lambda: "no AWS credentials: " in destination(agent)["lastError"], 30, what + ": the ledger says it")
            h.check(refused(agent, "no_credentials") > 0, what + ": the metric counts it")
            signing = destination(agent)["signing"]
            h.check(signing["accessKey"] == "" and signing["source"], "%s: %s" % (what, signing))
            h.check("Remote write cannot sign requests" in agent.log(), what + ": and the log")
            h.check("being asked for" in agent.log(), what + ": at the start too")
            h.wait_for(lambda: agent.ledger()["headSequence"] > 10 * 50, 30, what + ": scraping goes on")
            h.check(aws.stats()["requests"] == 0, what + ": nothing is sent unsigned")
            aws.switch(**{name: 0 for name in switches})
            all_sent(agent, aws, what)
            h.check(agent.log().count("AWS credentials found") == 1, what + ": what was found is told")


def container(base):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": base + "/v2/credentials/task"}


def instance(base):
    return {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": base}


def nobody_there():
    """Nothing is configured and no metadata service answers: no error of the start; it may come yet."""
    with h.Dir() as d, h.Pages({"/metrics": PAGE}) as pages:
        port = h.free_port()
        url = "http://127.0.0.1:%d/workspaces/%s/api/v1/remote_write" % (port, h.WORKSPACE)
        env = instance("http://127.0.0.1:%d" % port)
        with h.Agent(d, config(pages, url), env=env) as agent:
            agent.wait_ready()
            h.wait_for(lambda: destination(agent)["lastError"], 30, "nobody there: the ledger says it")
            h.check(refused(agent, "no_region") > 0, "nobody there: no region: %s" % destination(agent))
            h.wait_for(lambda: agent.ledger()["headSequence"] > 5 * 50, 30, "nobody there: scraping goes on")
            with h.Receiver(d, "--aws", port=port) as aws:
                h.wait_for(lambda: destination(agent)["signing"]["region"] == h.REGION, 40, "the region comes")
                h.check(destination(agent)["signing"]["regionFrom"] == "the instance", "from where")
                all_sent(agent, aws, "nobody there")


def forgotten():
    """The service no longer knows the keys: others are fetched, nothing is lost."""
    with h.Dir() as d, h.Pages({"/metrics": PAGE}) as pages:
        port = h.free_port()
        with h.Receiver(d, "--aws", port=port) as first:
            env = dict(container("http://127.0.0.1:%d" % port), AWS_REGION=h.REGION)
            agent = h.Agent(d, config(pages, first.url), env=env)
            agent.wait_ready()
            h.wait_for(lambda: first.stats()["samples"] > 3 * 50, 30, "samples arrive")
        with agent, h.Receiver(d, "--aws", port=port) as second:
            h.wait_for(lambda: second.stats()["samples"] > 5 * 50, 40, "forgotten: samples arrive again")
            answers = second.stats()["answers"]
            h.check(1 <= answers.get("403", 0) <= 3, "forgotten: few are refused: %s" % answers)
            rejections = [v for k, v in agent.metrics().items() if k.startswith("ampagent_aws_credentials_rejections_total{")]
            h.check(rejections and rejections[0] >= 1, "forgotten: counted: %s" % rejections)
            h.check(destination(agent)["dropped"] == 0, "forgotten: nothing is dropped")
            h.check(agent.stop() == 0, "exit 0")


def repaired_by_reload():
    """The source hangs; keys in the file are used as soon as a reload brings them."""
    with h.Dir() as d, h.Pages({"/metrics": PAGE}) as pages, h.Receiver(d, "--aws") as aws:
        aws.switch(aws_hang=1)
        env = dict(container("http://127.0.0.1:%d" % aws.port), AWS_REGION=h.REGION)
        with h.Agent(d, config(pages, aws.url, timeout="10m"), env=env) as agent:
            agent.wait_ready()
            h.wait_for(lambda: destination(agent)["queued"] > 5 * 50, 20, "a reload: samples wait")
            keys = "{access_key: %s, secret_key: %s}" % (h.ACCESS_KEY, h.SECRET_KEY)
            d.file("ampagent.yml", config(pages, aws.url, keys, timeout="10m"))
            agent.popen.send_signal(signal.SIGHUP)
            h.wait_for(lambda: aws.stats()["samples"] > 10 * 50, 20, "a reload: they are sent")
            h.check(destination(agent)["signing"]["kind"] == "explicit", "by the file's keys")
            h.check(agent.stop() == 0, "exit 0")


def mistakes():
    """What cannot come right by itself is refused, at the start and by a reload."""
    cases = [
        ("{access_key: a}", {}, "belong together"),
        ("{external_id: x}", {}, "role_arn"),
        ("{profile: nobody}", {}, "nobody"),
        ("{region: 'not a region'}", {}, "region"),
        ("{}", {"AWS_REGION": h.REGION}, "no AWS credentials"),
    ]
    with h.Dir() as d, h.Pages({"/metrics": PAGE}) as pages, h.Receiver(d) as receiver:
        for i, (sigv4, env, says) in enumerate(cases):
            agent = h.Agent(d, config(pages, receiver.url, sigv4), env=env, name="mistake-%d" % i)
            try:
                code = agent.popen.wait(20)
            except subprocess.TimeoutExpired:
                agent.kill()
                code = None
            h.check(code in (1, 2) and says in agent.log(), "%s is refused: %s, %s" % (sigv4, code, agent.log()))
        good = "{region: %s, access_key: %s, secret_key: %s}" % (h.REGION, h.ACCESS_KEY, h.SECRET_KEY)
        with h.Agent(d, config(pages, receiver.url, good)) as agent:
            agent.wait_ready()
            for sigv4, _, says in cases[2:4]:
                d.file("ampagent.yml", config(pages, receiver.url, sigv4))
                agent.popen.send_signal(signal.SIGHUP)
                h.wait_for(lambda: says in agent.log(), 10, "a reload with %s is refused" % sigv4)
            before = receiver.stats()["samples"]
            h.wait_for(lambda: receiver.stats()["samples"] > before + 100, 20, "and the rest goes on")


def every_key():
    """All keys of Prometheus's sigv4 block, as they stand in its files."""
    with h.Dir() as d, h.Pages({"/metrics": PAGE}) as pages, h.Receiver(d, "--aws") as aws:
        shared = d.file("config", "[profile writer]\naws_access_key_id = %s\naws_secret_access_key = %s\n"
                        % (h.ACCESS_KEY, h.SECRET_KEY))
        env = {"AWS_CONFIG_FILE": shared, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:%d" % aws.port}
        block = ("\n    region: %s\n    profile: writer\n    role_arn: %s\n    external_id: from-elsewhere\n"
                 "    use_fips_sts_endpoint: %s\n    service_name: aps")
        # With an endpoint of one's own there is no choice of another.
        fips = d.file("fips.yml", config(pages, aws.url, block % (h.REGION, ROLE, "true")))
        run = subprocess.run([h.AMPAGENT, "check-config", fips], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             universal_newlines=True)
        h.check(run.returncode == 0, "every key: it is a good file: %s" % run.stdout)
        block %= (h.REGION, ROLE, "false")
        with h.Agent(d, config(pages, aws.url, block), env=env) as agent:
            agent.wait_ready()
            h.wait_for(lambda: aws.stats()["samples"] > 5 * 50, 30, "every key: samples arrive")
            key = h.get_json("http://127.0.0.1:%d/aws/keys" % aws.port)[0]
            signing = destination(agent)["signing"]
            h.check(signing["accessKey"] == key["AccessKeyId"] and ROLE in signing["source"], "every key: %s" % signing)
            h.check(signing["account"] == "123456789012", "the role's account is known: %s" % signing)
            shown = agent.log() + str(agent.ledger()) + h.get(agent.base + "/api/v1/status/config").decode()
            h.check(key["SecretAccessKey"] not in shown and h.SECRET_KEY not in shown, "every key: no secret is shown")


source_down("errors", ["aws_down"], container, "30s")
source_down("silence", ["aws_hang"], container, "1s")
source_down("no metadata", ["aws_down"], instance, "30s")
nobody_there()
forgotten()
repaired_by_reload()
mistakes()
every_key()
h.finish()
