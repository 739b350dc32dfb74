#include "rig.h"

#include "../../../src/net/http_oauth2_answer.h"

static const char json[] = "application/json; charset=utf-8";
static const char form[] = "Application/x-www-form-urlencoded";

static void taken(void **state)
{
	static const struct {
		const char *content_type, *body, *token, *type;
		int64_t expires_s;
	} cases[] = {
		{json, "{\"access_token\":\"t\"}", "t", "", 0},
		{"", "{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":3600}", "t",
		 "bearer", 3600},
		{json, "{\"expires_in\":\"60\",\"access_token\":\"a\\u0062\"}", "ab", "", 60},
		{json, "{\"Access_Token\":\"t\",\"expires_in\":null,\"error\":\"\"}", "t", "", 0},
		{json, "{\"access_token\":\"t\",\"expires_in\":99999999999999999999}", "t", "",
		 INT32_MAX},
		{json, "{\"access_token\":\"t\",\"expires_in\":-5}", "t", "", -5},
		{json, "{\"x\":{\"access_token\":\"no\",\"error\":\"no\"},\"access_token\":\"t\"}",
		 "t", "", 0},
		{json, "{\"access_token\":\"t\",\"x\":[1,{\"expires_in\":[]}]}", "t", "", 0},
		{json, "{\"access_token\":\"one\",\"access_token\":\"two\"}", "two", "", 0},
		{form, "access_token=a%20b&token_type=MAC&expires_in=7", "a b", "MAC", 7},
		{"text/plain", "access_token=t&expires_in=soon", "t", "", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_oauth2_answer a;
		struct err err = ERR_NULL;
		http_oauth2_answer_init(&a);
		if (http_oauth2_answer_parse(&a, 200, sv_of(cases[i].content_type),
					     sv_of(cases[i].body), true, &err) != 0)
			fail_msg("%s: %s", cases[i].body, err.msg);
		if (!sv_eq(buf_view(&a.token), sv_of(cases[i].token)) ||
		    !sv_eq(buf_view(&a.type), sv_of(cases[i].type)) ||
		    a.expires_s != cases[i].expires_s)
			fail_msg("%s: %.*s, %.*s, %lld", cases[i].body, SV_ARG(buf_view(&a.token)),
				 SV_ARG(buf_view(&a.type)), (long long)a.expires_s);
		http_oauth2_answer_deinit(&a);
	}
}

static void refused(void **state)
{
	static const struct {
		int status;
		const char *content_type, *body;
		bool may_be_form;
		const char *why;
	} cases[] = {
		{401, json, "{\"error\":\"invalid_client\"}", true,
		 "status 401, error \"invalid_client\""},
		{200, json, "{\"error\":\"invalid_client\",\"access_token\":\"t\"}", true,
		 "status 200, error \"invalid_client\""},
		{400, form, "error=invalid_scope", true, "status 400, error \"invalid_scope\""},
		{400, json, "{\"error\":\"your secret is s3cret\"}", true,
		 "status 400, error \"unreadable\""},
		{500, "text/html", "<html>", true, "status 500"},
		{302, json, "{\"access_token\":\"t\"}", true, "status 302"},
		{200, json, "{}", true, "the answer has no access_token"},
		{200, json, "{\"access_token\":null}", true, "the answer has no access_token"},
		{200, json, "{\"access_token\":7}", true, "cannot be read"},
		{200, json, "{\"access_token\":\"t\",\"expires_in\":1.5}", true, "cannot be read"},
		{200, json, "{\"access_token\":\"t\",\"expires_in\":\"\"}", true, "cannot be read"},
		{200, json, "{\"access_token\":\"t\"", true, "cannot be read"},
		{200, json, "[]", true, "cannot be read"},
		{200, json, "", true, "cannot be read"},
		{200, form, "access_token=t", false, "cannot be read"},
		{200, form, "token=t", true, "the answer has no access_token"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_oauth2_answer a;
		struct err err = ERR_NULL;
		http_oauth2_answer_init(&a);
		if (http_oauth2_answer_parse(&a, cases[i].status, sv_of(cases[i].content_type),
					     sv_of(cases[i].body), cases[i].may_be_form,
					     &err) != 1 ||
		    !strstr(err.msg, cases[i].why))
			fail_msg("%s: %s", cases[i].body, err.msg);
		http_oauth2_answer_deinit(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
