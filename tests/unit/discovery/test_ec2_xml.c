/* Answers of the EC2 API: names that come at several depths, and what is no answer. */
#include "../../../ecs_discovery/ec2_xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ampagent/base/limits.h>

struct setting {
	struct ecs_known k;
	struct arena scratch;
	struct ec2_answer a;
	struct err err;
};

static void begin(struct setting *s)
{
	*s = (struct setting){.err = ERR_NULL};
	ecs_known_init(&s->k, MiB(1));
	arena_init(&s->scratch, MiB(1));
}

static void end(struct setting *s)
{
	ecs_known_deinit(&s->k);
	arena_deinit(&s->scratch);
}

static int instances(struct setting *s, const char *body)
{
	return ec2_xml_instances(&s->k, &s->scratch, sv_of(body), &s->a, &s->err);
}

static int interfaces(struct setting *s, const char *body)
{
	return ec2_xml_interfaces(&s->k, &s->scratch, sv_of(body), &s->a, &s->err);
}

#define assert_text(v, text) assert_true(sv_eq(v, sv_of(text)))

static void test_instances(void **state)
{
	struct setting s;
	begin(&s);
	int r = instances(
		&s, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse "
		    "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>"
		    "<reservationSet><item><ownerId>1</ownerId><instancesSet><item>"
		    "<instanceId>i-1</instanceId><networkInterfaceSet><item>"
		    "<subnetId>subnet-other</subnetId><privateIpAddress>10.9.9.9</privateIpAddress>"
		    "<tagSet><item><key>no</key><value>no</value></item></tagSet></item>"
		    "</networkInterfaceSet><privateIpAddress>172.16.0.1</privateIpAddress>"
		    "<ipAddress>203.0.113.1</ipAddress><subnetId>subnet-1</subnetId>"
		    "<vpcId>vpc-1</vpcId><instanceType>m5.large</instanceType><tagSet>"
		    "<item><key>Name</key><value>a &amp; b</value></item><item><key>e</key><value/>"
		    "</item><item><key>half</key></item><item><value>half</value></item></tagSet></"
		    "item><item><instanceId>i-2</instanceId></item></instancesSet>"
		    "</item><item><instancesSet><item><instanceId>i-3</instanceId>"
		    "<privateIpAddress>172.16.0.3</privateIpAddress></item></instancesSet></item>"
		    "</reservationSet><nextToken>page 2</nextToken></DescribeInstancesResponse>");
	assert_int_equal(r, 0);
	assert_int_equal(s.a.n_instances, 3);
	const struct ecs_api_instance *i = s.a.instances;
	assert_text(i[0].id, "i-1");
	assert_text(i[0].private_ip, "172.16.0.1");
	assert_text(i[0].public_ip, "203.0.113.1");
	assert_text(i[0].subnet_id, "subnet-1");
	assert_text(i[0].vpc_id, "vpc-1");
	assert_text(i[0].type, "m5.large");
	assert_int_equal(i[0].tags.n, 2);
	assert_text(i[0].tags.v[0].value, "a & b");
	assert_text(i[0].tags.v[1].key, "e");
	assert_text(i[1].private_ip, "");
	assert_int_equal(i[1].tags.n, 0);
	assert_text(i[2].private_ip, "172.16.0.3");
	assert_text(s.a.next_token, "page 2");
	end(&s);
}

static void test_interfaces(void **state)
{
	struct setting s;
	begin(&s);
	int r = interfaces(
		&s, "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item>"
		    "<networkInterfaceId>eni-1</networkInterfaceId><privateIpAddressesSet><item>"
		    "<association><publicIp>198.51.100.9</publicIp></association></item>"
		    "</privateIpAddressesSet><association><publicIp>203.0.113.1</publicIp>"
		    "</association></item><item><networkInterfaceId>eni-2</networkInterfaceId>"
		    "<privateIpAddressesSet><item><association><publicIp>198.51.100.9</publicIp>"
		    "</association></item></privateIpAddressesSet></item></networkInterfaceSet>"
		    "</DescribeNetworkInterfacesResponse>");
	assert_int_equal(r, 0);
	assert_int_equal(s.a.n_interfaces, 1);
	assert_text(s.a.interfaces[0].id, "eni-1");
	assert_text(s.a.interfaces[0].public_ip, "203.0.113.1");
	assert_int_equal(s.a.next_token.len, 0);
	end(&s);
}

static void test_empty(void **state)
{
	struct setting s;
	begin(&s);
	assert_int_equal(instances(&s, "<DescribeInstancesResponse><reservationSet/>"
				       "</DescribeInstancesResponse>"),
			 0);
	assert_int_equal(s.a.n_instances, 0);
	assert_int_equal(interfaces(&s, "<DescribeNetworkInterfacesResponse>"
					"<networkInterfaceSet></networkInterfaceSet>"
					"</DescribeNetworkInterfacesResponse>"),
			 0);
	assert_int_equal(s.a.n_interfaces, 0);
	end(&s);
}

static void test_refused(void **state)
{
	static const struct {
		const char *body, *why;
	} cases[] = {
		{"", "not XML"},
		{"{}", "not XML"},
		{"<DescribeInstancesResponse><reservationSet>", "not XML"},
		{"<DescribeInstancesResponse/>", "missing"},
		{"<DescribeNetworkInterfacesResponse><networkInterfaceSet/>"
		 "</DescribeNetworkInterfacesResponse>",
		 "missing"},
		{"<x><DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse></x>",
		 "missing"},
		{"<DescribeInstancesResponse><reservationSet><item><instancesSet><item/>"
		 "</instancesSet></item></reservationSet></DescribeInstancesResponse>",
		 "no instanceId"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct setting s;
		begin(&s);
		assert_int_equal(instances(&s, cases[i].body), 1);
		if (!strstr(s.err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].body, s.err.msg);
		end(&s);
	}
}

/* Names that are too long for a path are nobody's, and what comes after them is read again. */
static void test_long_names(void **state)
{
	struct setting s;
	char body[2048], name[301];
	begin(&s);
	memset(name, 'x', 300);
	name[300] = '\0';
	snprintf(body, sizeof body,
		 "<DescribeInstancesResponse><reservationSet><%s><item/></%s></reservationSet>"
		 "<nextToken>t</nextToken></DescribeInstancesResponse>",
		 name, name);
	assert_int_equal(instances(&s, body), 0);
	assert_text(s.a.next_token, "t");
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instances),  cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_empty),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
