/* The subcommands: each gets its own arguments (argv[0] is its name) and returns the exit code. */
#pragma once

int cmd_run(int argc, char **argv);           /* no subcommand: the agent */
int cmd_receive(int argc, char **argv);       /* a stand-in AMP endpoint */
int cmd_wal(int argc, char **argv);           /* prints or checks a log directory */
int cmd_demo(int argc, char **argv);          /* the flow, live, on loopback */
int cmd_check_config(int argc, char **argv);  /* checks configuration files */
int cmd_check_metrics(int argc, char **argv); /* lints a page of metrics */
int cmd_doctor(int argc, char **argv);        /* tries each step to the workspace */
int cmd_health(int argc, char **argv);        /* asks a running agent: for container checks */
int cmd_docs(int argc, char **argv);          /* prints a generated page of docs/ */
