/* Names by Prometheus's rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "metrics_names.h"

static void well_formed(const struct ecs_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct ecs_family *f = &names->families[i];
		struct sv name = sv_of(f->name), help = sv_of(f->help);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(names->families[k].name, f->name);
		for (size_t k = 0; k < name.len; k++)
			assert_true(name.ptr[k] == '_' ||
				    (name.ptr[k] >= 'a' && name.ptr[k] <= 'z') ||
				    (name.ptr[k] >= 'A' && name.ptr[k] <= 'Z'));
		assert_true(help.len > 10 && help.ptr[help.len - 1] == '.');
		assert_true(sv_find(help, '\n') == help.len && sv_find(help, '\\') == help.len);
		assert_true(f->per > 0);
		assert_true(f->value >= 0 &&
			    f->value < (f->kind == ECS_FAMILY_INTERFACES ? (int)ECS_NETS
									 : (int)ECS_VALUES));
	}
}

static bool has(const struct ecs_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->families[i].name, name) == 0)
			return true;
	return false;
}

static void prometheus(void **state)
{
	well_formed(&ecs_names_prometheus);
	for (size_t i = 0; i < ecs_names_prometheus.n; i++) {
		const struct ecs_family *f = &ecs_names_prometheus.families[i];
		assert_true(sv_starts_with(sv_of(f->name),
					   f->of_task ? SV("ecs_task_") : SV("ecs_container_")));
		assert_int_equal(f->counter, sv_ends_with(sv_of(f->name), SV("_total")));
		/* A sum over containers is no counter. */
		if (f->of_task && f->counter)
			assert_int_equal(f->kind, ECS_FAMILY_INTERFACES);
		if (f->adot && !has(&ecs_names_adot, f->adot))
			fail_msg("ADOT has no %s", f->adot);
	}
}

/* As the receiver and its exporter's way with names made them, in v0.164.1. */
static const char *const received[] = {
	"memory_usage_Bytes",
	"memory_usage_max_Bytes",
	"memory_usage_limit_Bytes",
	"memory_utilized_MiB",
	"memory_reserved_MiB",
	"cpu_usage_total_Nanoseconds",
	"cpu_usage_kernelmode_Nanoseconds",
	"cpu_usage_usermode_Nanoseconds",
	"cpu_cores_Count",
	"cpu_onlines_Count",
	"cpu_usage_system_Nanoseconds",
	"cpu_utilized_None",
	"cpu_reserved_None",
	"cpu_usage_vcpu_vCPU",
	"network_rate_rx_Bytes_per_Second",
	"network_rate_tx_Bytes_per_Second",
	"network_io_usage_rx_bytes_Bytes",
	"network_io_usage_rx_packets_Count",
	"network_io_usage_rx_errors_Count",
	"network_io_usage_rx_dropped_Count",
	"network_io_usage_tx_bytes_Bytes",
	"network_io_usage_tx_packets_Count",
	"network_io_usage_tx_errors_Count",
	"network_io_usage_tx_dropped_Count",
	"storage_read_bytes_Bytes",
	"storage_write_bytes_Bytes",
	/* v0.145 */
	"memory_utilized_Megabytes",
	"memory_reserved_Megabytes",
};
enum { RECEIVED = sizeof received / sizeof received[0] };

static void adot(void **state)
{
	char name[128];
	well_formed(&ecs_names_adot);
	for (size_t i = 0; i < RECEIVED; i++) {
		snprintf(name, sizeof name, "container_%s", received[i]);
		assert_true(has(&ecs_names_adot, name));
		snprintf(name, sizeof name, "ecs_task_%s", received[i]);
		assert_true(has(&ecs_names_adot, name));
	}
	assert_true(has(&ecs_names_adot, "container_duration_Seconds"));
	assert_true(has(&ecs_names_adot, "ecs_task_ephemeral_storage_utilized_MiB"));
	assert_true(has(&ecs_names_adot, "ecs_task_ephemeral_storage_reserved_MiB"));
	assert_int_equal(ecs_names_adot.n, 2 * RECEIVED + 3);
	for (size_t i = 0; i < ecs_names_adot.n; i++)
		assert_false(ecs_names_adot.families[i].counter &&
			     ecs_names_adot.families[i].of_task);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prometheus),
		cmocka_unit_test(adot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
