#!/usr/bin/env python3
"""help.py: what the program says of itself: help, mistyped words, lists, pages of the manual, completion.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
import shutil
import subprocess

from harness import (SMALL, Skip, check, contains, environment, equal, main, query, run, run_json, write)

COMMANDS = ["ablate", "bins", "check", "compare", "completion", "explore", "export", "list", "manual", "plot", "reproduce", "reserve", "run",
            "trace", "verify", "waste"]
TOPICS = ["allocators", "bins", "caches", "devices", "keys", "metrics", "profiles", "workloads"]


def every_command_has_help_with_a_synopsis_and_two_examples():
    for command in COMMANDS:
        text = run(command, "--help").stdout
        contains(text, f"Usage: kmemlab {command} ")
        check(text.split("\n")[2][0].isupper(), f"{command}: its summary is a sentence")
        examples = [line for line in text.split("\n") if line.startswith(f"  kmemlab {command} ")]
        check(len(examples) >= 2, f"{command} has {len(examples)} examples")
        equal(run("help", command).stdout, text, f"kmemlab help {command}")
        contains(run("--help").stdout, f"  {command} ")


def the_version_names_the_libraries():
    contains(run("--version").stdout, "SQLite 3.")
    contains(run("--version").stdout, "GLib 2.")


def a_mistyped_command_is_told_with_the_nearest():
    contains(run("rnu", "x.ini", status=2).stderr, "did you mean “run”?")
    run(status=2)


def a_mistyped_option_is_told_with_the_nearest():
    contains(run("run", "x.ini", "--jbos", "1", status=2).stderr, "did you mean “--jobs”?")
    contains(run("--versoin", status=2).stderr, "--versoin")


def a_missing_and_a_superfluous_argument_are_told():
    contains(run("run", status=2).stderr, "missing")
    contains(run("plot", "a", "b", "c", status=2).stderr, "too many")
    contains(run("compare", "x.ini", status=2).stderr, "--vary is missing")


def numbers_in_options_are_checked():
    write("small.ini", SMALL)
    for option, value in (("--jobs", "0"), ("--jobs", "x"), ("--jobs", "-1"), ("--seed", "1.5"),
                          ("--seed", "99999999999999999999"), ("--seed", ""), ("--max-runs", "nan")):
        contains(run("run", "small.ini", f"{option}={value}", status=2).stderr, option)
    equal(os.listdir("."), ["small.ini"], "files")


def options_may_stand_anywhere_and_be_attached():
    write("small.ini", SMALL)
    run("run", "-j2", "small.ini", "-osomewhere.db", "-ssweep.repeat=1")
    equal(query("somewhere.db", "SELECT count(*) FROM runs"), [(3,)], "runs")
    write("-odd.ini", SMALL)
    run("run", "-q", "-o", "odd.db", "--", "-odd.ini")


def what_list_names_can_be_parsed():
    for topic in TOPICS:
        document = run_json("list", topic)
        check(isinstance(document[topic], list), f"{topic} is a list")
        check(run("list", topic).stdout.strip(), f"{topic} has text")
    names = {one["name"] for one in run_json("list", "allocators")["allocators"]}
    check({"buddy", "bump", "segregated"} <= names, f"allocators: {names}")
    keys = {one["key"] for one in run_json("list", "keys")["keys"]}
    check({"machine.ram", "objects.bins", "workload.NAME.kind", "sweep.repeat"} <= keys, f"keys: {keys}")
    contains(run("list", "allocator", status=2).stderr, "did you mean “allocators”?")


def every_measured_metric_is_in_the_list():
    write("small.ini", SMALL)
    known = [one["name"] for one in run_json("list", "metrics")["metrics"]]
    patterns = []
    for name in known:
        pattern = re.escape(name).replace(r"\{", "(").replace(r"\}", ")").replace(",", "|")
        pattern = pattern.replace("CONTEXT", "(process|softirq|hardirq)").replace("orderN", r"order\d+")
        patterns.append(re.compile(pattern))
    for name in run_json("run", "small.ini")["runs"][0]["metrics"]:
        check(any(pattern.fullmatch(name) for pattern in patterns), f"{name} is not listed")


def every_setting_of_a_run_is_in_the_list():
    write("small.ini", SMALL)
    keys = {one["key"] for one in run_json("list", "keys")["keys"]}
    for key in run_json("run", "small.ini")["runs"][0]["params"]:
        check(key.replace("workload.web.", "workload.NAME.") in keys, f"{key} is not listed")


def only_keys_are_listed_as_markdown():
    contains(run("list", "keys", "--markdown").stdout, "## [machine]")
    contains(run("list", "metrics", "--markdown", status=2).stderr, "list keys --markdown")


def every_command_has_a_page_in_the_manual():
    pages = {name: run("manual", name).stdout for name in [*COMMANDS, "scenario", "kmemlab"]}
    equal(run("manual").stdout, pages["kmemlab"], "the page without a name")
    for command in COMMANDS:
        contains(pages["kmemlab"], f".BR kmemlab\\-{command} (1)\n")
        for option in re.findall(r"^  (?:-., )?--([a-z-]+)", run(command, "--help").stdout, re.M):
            escaped = option.replace("-", "\\-")
            contains(pages[command], f"\\fB{escaped}\\fR" if option != "help" else "\\-\\-help")
    for key in run_json("list", "keys")["keys"]:
        name = key["key"].rsplit(".", 1)[1].replace("-", "\\-")
        contains(pages["scenario"], f"\\fB{name}\\fR (")
    contains(run("manual", "rnu", status=2).stderr, "did you mean “run”?")


def pages_of_the_manual_are_well_formed():
    groff = shutil.which("groff")
    if groff is None:
        raise Skip("no groff")
    for name in [*COMMANDS, "scenario", "kmemlab"]:
        result = subprocess.run([groff, "-man", "-ww", "-Kutf8", "-Tutf8"], input=run("manual", name).stdout,
                                capture_output=True, text=True, check=True)
        equal(result.stderr, "", f"what groff says of {name}")
        check(len(result.stdout) > 1000, f"{name} has text")


# What each shell offers for words of which the last is being typed.
COMPLETE = {
    "bash": "source completion; COMP_WORDS=({words}); COMP_CWORD={last}; "
            "compopt () {{ [[ $* == *default ]] && echo FILES; [[ $* == *dirnames ]] && echo FOLDERS; true; }}; "
            "_kmemlab; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "source completion; complete -C '{line}'",
    "zsh": "compdef () {{ : }}; source ./completion; words=({words}); CURRENT={next}; "
           "compadd () {{ shift 3; print -rl -- $@ }}; _describe () {{ print -rl -- ${{(P)2}} }}; "
           "_files () {{ [[ $1 == -/ ]] && print FOLDERS || print FILES }}; _kmemlab",
}


def complete(shell, *words):
    """What it offers, without descriptions; FILES and FOLDERS where it leaves that to itself."""
    quoted = [f"'{word}'" for word in words]
    script = COMPLETE[shell].format(words=" ".join(quoted), line=" ".join(words), last=len(words) - 1, next=len(words))
    arguments = [shell, "-fc" if shell == "zsh" else "-c", script]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60,
                            env=environment(HOME=os.getcwd()))
    equal(result.stderr, "", f"what {shell} says")
    offers = {re.split(r"[\t:]", line)[0] for line in result.stdout.split("\n")}
    return {word for word in offers if word.startswith(words[-1]) or word in ("FILES", "FOLDERS")} - {""}


def completion_completes_in(shell):
    if shutil.which(shell) is None:
        raise Skip(f"no {shell}")
    write("completion", run("completion", shell).stdout)
    write("x.db", "")
    equal(complete(shell, "kmemlab", "ver"), {"verify"}, "a command")
    equal(complete(shell, "kmemlab", "list", "all"), {"allocators"}, "a topic")
    equal(complete(shell, "kmemlab", "manual", "scen"), {"scenario"}, "a page")
    check({"--seed", "--set"} <= complete(shell, "kmemlab", "run", "--se"), "options")
    equal(complete(shell, "kmemlab", "plot", "x.db", "int"), {"internal"}, "a kind of plot")
    equal(complete(shell, "kmemlab", "plot", "x.db", "internal", "--format", "p"), {"png", "pdf"}, "a format")
    equal(complete(shell, "kmemlab", "waste", "x.db", "--by", "si"), {"size", "site"}, "a view")
    equal(complete(shell, "kmemlab", "bins", "x.ini", "--classes", "jem"), {"jemalloc"}, "a set of bins")
    equal(complete(shell, "kmemlab", "bins", "x.ini", "--sets", "linux"), {"linux", "linux-slab"}, "a set of bins")
    equal(complete(shell, "kmemlab", "explore", "x.ini", "--find", "b"), {"bugs"}, "what is sought")
    equal(complete(shell, "kmemlab", "run", "-s", "objects.bi"), {"objects.bins="}, "a setting")
    equal(complete(shell, "kmemlab", "compare", "x.ini", "--metrics", "frag.internal.m"), {"frag.internal.mean"},
          "a metric")
    check(complete(shell, "kmemlab", "run", "-o", "x") <= {"FILES", "x.db"}, "a file")
    check(complete(shell, "kmemlab", "run", "x") <= {"FILES", "x.db"}, "an argument that is a file")
    equal(complete(shell, "kmemlab", "run", "--seed", "x") - {"FILES"}, set(), "a value that is any number")


def completion_completes_in_bash():
    completion_completes_in("bash")


def completion_completes_in_fish():
    completion_completes_in("fish")


def completion_completes_in_zsh():
    completion_completes_in("zsh")


def a_shell_that_is_not_known_is_told_which_are():
    contains(run("completion", "tcsh", status=2).stderr, "bash, fish, zsh")


main(every_command_has_help_with_a_synopsis_and_two_examples, the_version_names_the_libraries,
     a_mistyped_command_is_told_with_the_nearest, a_mistyped_option_is_told_with_the_nearest,
     a_missing_and_a_superfluous_argument_are_told, numbers_in_options_are_checked,
     options_may_stand_anywhere_and_be_attached, what_list_names_can_be_parsed, every_measured_metric_is_in_the_list,
     every_setting_of_a_run_is_in_the_list, only_keys_are_listed_as_markdown, every_command_has_a_page_in_the_manual,
     pages_of_the_manual_are_well_formed, completion_completes_in_bash, completion_completes_in_fish,
     completion_completes_in_zsh, a_shell_that_is_not_known_is_told_which_are)
