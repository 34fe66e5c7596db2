"""What the tidy rules find, and what they leave alone."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from source import Source, cxx_functions, python_functions

import tidy


def source(path: str, text: str) -> Source:
    return Source(pathlib.Path("."), pathlib.Path(path), text)


def found(rule, path: str, text: str) -> list[str]:
    return list(rule([source(path, text)]))


class Arrows(unittest.TestCase):
    def test_log_may_include_reactor_and_itself(self):
        self.assertEqual(
            found(
                tidy.include_arrows, "log/a.cc", '#include "reactor/file.h"\n#include "log/b.h"\n'
            ),
            [],
        )

    def test_log_may_not_include_net(self):
        wrong = found(
            tidy.include_arrows, "log/a.cc", '#include "log/b.h"\n#include "net/handler.h"\n'
        )
        self.assertEqual(wrong, ["log/a.cc:2: log includes net; it may include reactor"])

    def test_nothing_includes_tools_but_tests_do(self):
        self.assertTrue(found(tidy.include_arrows, "cluster/a.cc", '#include "tools/a.h"\n'))
        self.assertFalse(
            found(tidy.include_arrows, "tests/log/a_test.cc", '#include "tools/a.h"\n')
        )

    def test_includes_are_named_from_the_root(self):
        self.assertTrue(found(tidy.relative_includes, "log/a.cc", '#include "../net/handler.h"\n'))
        self.assertTrue(found(tidy.relative_includes, "log/a.cc", '#include "b.h"\n'))


class Banned(unittest.TestCase):
    def test_calls_that_leave_the_simulation(self):
        for line in (
            "auto now = std::chrono::steady_clock::now();",
            "int r = rand();",
            "std::thread t;",
            "::close(fd);",
            "auto t = time(nullptr);",
            "std::mutex m;",
            "throw 1;",
            "#include <unistd.h>",
            "std::unordered_map<int, int> m;",
            "sleep(1);",
        ):
            with self.subTest(line):
                self.assertEqual(len(found(tidy.banned_calls, "cluster/a.cc", line + "\n")), 1)

    def test_what_only_looks_like_them(self):
        for line in (
            "co_await file.close();",
            "auto t = clock.time(x);",
            "// rand() is banned",
            'auto s = "time(0)";',
            "core::current().clock().now();",
            "io.read(x);",
            "by_time(x);",
            "std::chrono::milliseconds(3);",
            "log.append_time();",
            "auto when = clock();",
            "auto when = fmt::gmtime(now);",
        ):
            with self.subTest(line):
                self.assertEqual(found(tidy.banned_calls, "cluster/a.cc", line + "\n"), [])

    def test_reactor_may(self):
        self.assertEqual(found(tidy.banned_calls, "reactor/a.cc", "::close(fd);\n"), [])

    def test_a_lambda_with_captures_is_no_coroutine(self):
        for code, wrong in (
            ("spawn([this](int x) -> task<void> { co_return; });", True),
            ("spawn([&] -> task<> { co_return; });", True),
            ("f([a = g(b)](h(*c)(int),\n  int d) mutable -> task<void> { co_await c; });", True),
            ("spawn([](int x) -> task<void> { co_return; }(3));", False),
            (
                "f([&x](int c) -> task<> { return g(c, [](int d) -> task<> { co_return; }); });",
                False,
            ),
            ("array[3](x);\ntask<void> f() { g([&](int y) { return y; }); }", False),
        ):
            with self.subTest(code):
                self.assertEqual(
                    bool(found(tidy.capturing_coroutines, "net/a.cc", code + "\n")), wrong
                )


class Sizes(unittest.TestCase):
    def test_columns(self):
        self.assertFalse(found(tidy.line_lengths, "log/a.h", "x" * 100 + "\n"))
        self.assertTrue(found(tidy.line_lengths, "log/a.h", "x" * 101 + "\n"))

    def test_file(self):
        self.assertFalse(found(tidy.file_sizes, "log/a.h", "\n" * 600))
        self.assertTrue(found(tidy.file_sizes, "log/a.h", "\n" * 601))

    def test_median_and_ninetieth(self):
        small = [source(f"log/{i}.h", "\n" * 10) for i in range(20)]
        large = [source(f"log/l{i}.h", "\n" * 500) for i in range(20)]
        self.assertEqual(list(tidy.file_sizes(small)), [])
        self.assertEqual(len(list(tidy.file_sizes(small + large))), 2)

    def test_functions_and_their_lines(self):
        code = """
namespace karst {
namespace {
constexpr table numbers = {1, 2, 3};
struct options : base {
  int size = 3;
  options(int a) : base{a}, size{a} {
    run();
  }
  int twice() const { return size * 2; }
};
enum class kind { a, b };
}  // namespace
template <typename T>
task<expected<void, errc>> log_manager::open(std::string_view path,
                                             int flags) noexcept {
  for (auto x : list) {
    if (x) { y(); }
  }
  auto f = [&] { return 1; };
}
TEST(segment, rolls) {
  EXPECT_TRUE(true);
}
}  // namespace karst
"""
        self.assertEqual(
            list(cxx_functions(code)),
            [
                ("options", 7, 3),
                ("twice", 10, 1),
                ("log_manager::open", 13, 9),
                ("TEST(segment, rolls)", 22, 3),
            ],
        )

    def test_a_long_function_is_found(self):
        body = "  x();\n" * 69
        self.assertFalse(found(tidy.function_sizes, "log/a.cc", "void f() {\n" + body[:-7] + "}\n"))
        wrong = found(tidy.function_sizes, "log/a.cc", "\nvoid f() {\n" + body + "}\n")
        self.assertEqual(wrong, ["log/a.cc:2: f has 71 lines; split it, at most 70"])

    def test_python_functions(self):
        code = [
            "def a(",
            "    x,",
            "):",
            "    y()",
            "",
            "class C:",
            "    def b(self):",
            "        z()",
            "",
            "w()",
        ]
        self.assertEqual(list(python_functions(code)), [("a", 1, 4), ("b", 7, 2)])


class Texts(unittest.TestCase):
    def test_promises_and_paths_outside(self):
        self.assertTrue(found(tidy.no_promises, "log/a.cc", "// " + "todo".upper() + ": later\n"))
        self.assertTrue(found(tidy.no_promises, "README.md", "see ../" + "shared/x\n"))
        self.assertFalse(
            found(tidy.no_promises, "log/a.cc", "// nothing left to do; see the todos table\n")
        )

    def test_a_named_document_exists(self):
        rule = tidy.named_documents_exist
        self.assertTrue(found(rule, "log/a.h", "// as FORMAT.md says\n"))
        both = [source("log/a.h", "// as FORMAT.md says\n"), source("log/FORMAT.md", "# Format\n")]
        self.assertEqual(list(rule(both)), [])

    def test_pragma_once_comes_first(self):
        rule = tidy.headers_start_with_pragma_once
        self.assertTrue(found(rule, "log/a.h", "// What it is.\n#pragma once\n"))
        self.assertFalse(found(rule, "log/a.h", "#pragma once\n"))
        self.assertFalse(found(rule, "log/a.cc", "#include <x>\n"))


if __name__ == "__main__":
    unittest.main()
