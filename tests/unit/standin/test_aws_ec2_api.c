/* The EC2 API. */
#include "check.h"
#include "endpoint.h"

#include <stdlib.h>

#define EC2 "&Version=2016-11-15"
#define INSTANCES "Action=DescribeInstances" EC2
#define INTERFACES "Action=DescribeNetworkInterfaces" EC2

static void put_account(const char *document)
{
	start_api();
	assert_int_equal(send_body("PUT", "/aws/ecs", document), 200);
}

/* i-0 to i-<n - 1>, the even ones running. */
static void put_instances(int n)
{
	_cleanup_(buf_deinit) struct buf document = BUF_NULL;
	buf_init(&document, 1 << 20);
	buf_sv(&document, SV("{\"instances\":["));
	for (int i = 0; i < n; i++)
		buf_printf(&document,
			   "%s{\"instanceId\":\"i-%d\",\"instanceState\":{\"name\":\"%s\"},"
			   "\"tagSet\":[{\"key\":\"Name\",\"value\":\"web-%d\"}]}",
			   i > 0 ? "," : "", i, i % 2 ? "stopped" : "running", i);
	buf_sv(&document, SV("]}"));
	buf_char(&document, '\0');
	put_account(document.ptr);
}

static void expect_instances(const char *form, const char *want)
{
	_cleanup_(buf_deinit) struct buf ids = BUF_NULL;
	buf_init(&ids, 4096);
	if (post_ec2(form) != 200)
		fail_msg("%s: %.*s", form, SV_ARG(buf_view(&got.body)));
	struct sv rest = buf_view(&got.body), tag = SV("<instanceId>");
	for (size_t at = sv_find_sv(rest, tag); at < rest.len; at = sv_find_sv(rest, tag)) {
		rest = sv_from(rest, at + tag.len);
		buf_printf(&ids, "%s%.*s", ids.len > 0 ? " " : "", (int)sv_find(rest, '<'),
			   rest.ptr);
	}
	assert_sv(buf_view(&ids), want);
}

static void expect_error(const char *form, const char *code, const char *words)
{
	char text[256];
	assert_int_equal(post_ec2(form), 400);
	assert_string_equal(got.content_type, "text/xml;charset=UTF-8");
	assert_says(buf_view(&got.body), "<Response><Errors><Error>");
	got_element("Code", text, sizeof text);
	assert_string_equal(text, code);
	got_element("Message", text, sizeof text);
	assert_says(sv_of(text), words);
	got_element("RequestID", text, sizeof text);
	assert_string_equal(text, got.request_id);
}

static void an_instance_lies_in_its_reservation(void **state)
{
	put_account("{\"instances\":[{\"instanceId\":\"i-7\",\"ownerId\":\"1\","
		    "\"reservationId\":\"r-2\",\"x\":{\"y\":[1]},\"z\":null}]}");
	assert_int_equal(post_ec2(INSTANCES), 200);
	assert_says(buf_view(&got.body),
		    "<DescribeInstancesResponse "
		    "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n<requestId>");
	assert_says(buf_view(&got.body),
		    "<reservationSet>\n<item><reservationId>r-2</reservationId>"
		    "<ownerId>1</ownerId><groupSet/><instancesSet><item>"
		    "<instanceId>i-7</instanceId><x><y><item>1</item></y></x></item>"
		    "</instancesSet></item>\n</reservationSet>\n</DescribeInstancesResponse>\n");
}

static void lists_come_in_pages(void **state)
{
	char token[128], form[256];
	put_instances(12);
	expect_instances(INSTANCES, "i-0 i-1 i-2 i-3 i-4 i-5 i-6 i-7 i-8 i-9 i-10 i-11");
	expect_instances(INSTANCES "&MaxResults=6", "i-0 i-1 i-2 i-3 i-4 i-5");
	got_element("nextToken", token, sizeof token);
	snprintf(form, sizeof form, INSTANCES "&MaxResults=5&NextToken=%s", token);
	expect_instances(form, "i-6 i-7 i-8 i-9 i-10");
	snprintf(form, sizeof form, INTERFACES "&MaxResults=5&NextToken=%s", token);
	expect_error(form, "InvalidParameterValue", "pagination token");
	snprintf(form, sizeof form, INSTANCES "&MaxResults=6&NextToken=%s", token);
	expect_instances(form, "i-6 i-7 i-8 i-9 i-10 i-11");
	assert_true(sv_find_sv(buf_view(&got.body), SV("nextToken")) == got.body.len);
}

static void the_size_of_a_page_has_limits(void **state)
{
	put_instances(1);
	expect_error(INSTANCES "&MaxResults=4", "InvalidParameterValue", "( 4 )");
	expect_error(INSTANCES "&MaxResults=1001", "InvalidParameterValue", "( 1001 )");
	expect_error(INSTANCES "&MaxResults=x", "InvalidParameterValue", "( x )");
	expect_error(INSTANCES "&MaxResults=5&InstanceId.1=i-0", "InvalidParameterCombination",
		     "instancesSet");
	expect_error(INTERFACES "&MaxResults=5&NetworkInterfaceId.1=eni-0",
		     "InvalidParameterCombination", "networkInterfaceIdSet");
}

static void ids_are_there_or_refused(void **state)
{
	put_instances(3);
	expect_instances(INSTANCES "&InstanceId.1=i-2&InstanceId.2=i-0", "i-2 i-0");
	expect_error(INSTANCES "&InstanceId.1=i-2&InstanceId.2=i-9", "InvalidInstanceID.NotFound",
		     "The instance ID &#39;i-9&#39; does not exist");
	expect_error(INSTANCES "&InstanceId.1=i-8&InstanceId.2=i-9", "InvalidInstanceID.NotFound",
		     "The instance IDs &#39;i-8, i-9&#39; do not exist");
	expect_error(INSTANCES "&InstanceId.1=mi-8", "InvalidInstanceID.Malformed", "mi-8");
	expect_error(INTERFACES "&NetworkInterfaceId.1=eni-8", "InvalidNetworkInterfaceID.NotFound",
		     "eni-8");
}

static void filters_narrow_the_list(void **state)
{
	put_instances(12);
	expect_instances(INSTANCES "&Filter.1.Name=instance-state-name&Filter.1.Value.1=running"
				   "&Filter.2.Name=tag%3AName&Filter.2.Value.1=web-1%2A"
				   "&Filter.2.Value.2=web-?",
			 "i-0 i-2 i-4 i-6 i-8 i-10");
	expect_instances(INSTANCES "&Filter.1.Name=instance-id&Filter.1.Value.1=i-1"
				   "&Filter.1.Value.2=i-11",
			 "i-1 i-11");
	expect_instances(INSTANCES "&Filter.1.Name=instance-id&Filter.1.Value.1=i-1%2A",
			 "i-1 i-10 i-11");
	expect_instances(INSTANCES "&Filter.1.Name=tag%3AName&Filter.1.Value.1=%2Ab%2A-%2A1",
			 "i-1 i-11");
	/* In the account's order, each once, with the other filters; what is not there is no error.
	 */
	expect_instances(INSTANCES "&Filter.7.Name=instance-id&Filter.7.Value.1=i-8"
				   "&Filter.7.Value.2=i-2&Filter.7.Value.3=i-99"
				   "&Filter.7.Value.4=i-8&Filter.7.Value.5=i-3"
				   "&Filter.9.Name=instance-state-name&Filter.9.Value.1=running",
			 "i-2 i-8");
	expect_instances(INSTANCES "&Filter.1.Name=instance-id&Filter.1.Value.1=i-99", "");
	expect_instances(INSTANCES "&Filter.1.Name=vpc-id&Filter.1.Value.1=%2A", "");
	expect_instances(INSTANCES "&InstanceId.1=i-1&Filter.1.Name=instance-state-name"
				   "&Filter.1.Value.1=running",
			 "");
	expect_error(INSTANCES "&Filter.1.Name=status&Filter.1.Value.1=x", "InvalidParameterValue",
		     "&#39;status&#39;");
}

static void pages_of_ids_go_on(void **state)
{
	char token[128];
	_cleanup_(buf_deinit) struct buf form = BUF_NULL;
	buf_init(&form, 1 << 16);
	put_instances(12);
	buf_sv(&form, SV(INSTANCES "&MaxResults=5&Filter.1.Name=instance-id"));
	for (int i = 11; i >= 4; i--)
		buf_printf(&form, "&Filter.1.Value.%d=i-%d", i, i);
	buf_char(&form, '\0');
	expect_instances(form.ptr, "i-4 i-5 i-6 i-7 i-8");
	got_element("nextToken", token, sizeof token);
	form.len--;
	buf_printf(&form, "&NextToken=%s", token);
	buf_char(&form, '\0');
	expect_instances(form.ptr, "i-9 i-10 i-11");
	assert_true(sv_find_sv(buf_view(&got.body), SV("nextToken")) == got.body.len);
}

static void interfaces_are_items_of_their_own(void **state)
{
	put_account("{\"networkInterfaces\":[{\"networkInterfaceId\":\"eni-1\","
		    "\"association\":{\"publicIp\":\"198.18.0.1\"}}]}");
	assert_int_equal(post_ec2(INTERFACES), 200);
	assert_says(buf_view(&got.body),
		    "<networkInterfaceSet>\n<item><networkInterfaceId>eni-1</networkInterfaceId>"
		    "<association><publicIp>198.18.0.1</publicIp></association></item>\n"
		    "</networkInterfaceSet>");
}

static void zones_have_ids_of_their_region(void **state)
{
	static const char *const regions[][2] = {{"us-east-1", "use1-az2"},
						 {"ap-southeast-4", "apse4-az2"},
						 {"eu-central-1", "euc1-az2"},
						 {"us-gov-west-1", "usgw1-az2"}};
	for (size_t i = 0; i < N_OF(regions); i++) {
		struct standin_options o = signed_options();
		o.aws = true;
		o.aws_region = sv_of(regions[i][0]);
		start(&o);
		struct signer by = {.secret = "secret", .region = regions[i][0], .service = "ec2"};
		assert_int_equal(post_form("Action=DescribeAvailabilityZones" EC2, &by), 200);
		char want[128];
		snprintf(want, sizeof want, "<zoneName>%sb</zoneName><zoneId>%s</zoneId>",
			 regions[i][0], regions[i][1]);
		assert_says(buf_view(&got.body), want);
		standin_free(take_ptr(standin));
	}
}

static void the_version_is_that_of_the_api(void **state)
{
	put_instances(1);
	expect_error("Action=DescribeInstances&Version=2011-06-15", "NoSuchVersion", "2011-06-15");
	expect_error("Action=DescribeInstances", "NoSuchVersion", "()");
}

static void a_form_has_an_end(void **state)
{
	_cleanup_(buf_deinit) struct buf form = BUF_NULL;
	put_instances(1);
	buf_init(&form, 1 << 20);
	buf_sv(&form, SV(INSTANCES));
	for (int i = 1; i <= 1001; i++)
		buf_printf(&form, "&InstanceId.%d=i-0", i);
	buf_char(&form, '\0');
	expect_error(form.ptr, "RequestEntityTooLarge", "");
	expect_error(INSTANCES "&Filter.x.Name=vpc-id", "RequestEntityTooLarge", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_instance_lies_in_its_reservation),
		TEST(lists_come_in_pages),
		TEST(the_size_of_a_page_has_limits),
		TEST(ids_are_there_or_refused),
		TEST(filters_narrow_the_list),
		TEST(pages_of_ids_go_on),
		TEST(interfaces_are_items_of_their_own),
		TEST(zones_have_ids_of_their_region),
		TEST(the_version_is_that_of_the_api),
		TEST(a_form_has_an_end),
	};
	if (http_client_global_init() != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	http_client_global_deinit();
	return failed;
}
