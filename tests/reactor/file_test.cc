#include "reactor/file.h"

#include <gmock/gmock.h>

#include "reactor/slab.h"
#include "tests/reactor/backends.h"

namespace karst {
namespace {

using testing::ElementsAre;

class file_test : public backend_test {};

std::span<std::byte const> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

task<expected<std::string>> read_text(file& source, std::uint64_t offset, std::size_t most) {
  std::string text(most, '\0');
  auto got = co_await source.read(offset, std::as_writable_bytes(std::span{text}));
  if (!got) co_return fail(got.error());
  text.resize(*got);
  co_return text;
}

TEST_P(file_test, what_is_written_is_read) {
  run([](std::string path) -> task<> {
    auto opened = co_await file::open(path, open_read | open_write | open_create);
    EXPECT_TRUE(opened);
    EXPECT_TRUE(co_await opened->write(0, bytes_of("hello world"), true));
    EXPECT_TRUE(co_await opened->write(6, bytes_of("karst"), false));
    EXPECT_TRUE(co_await opened->sync());
    EXPECT_EQ((co_await read_text(*opened, 0, 100)).value(), "hello karst");
    EXPECT_EQ((co_await read_text(*opened, 6, 3)).value(), "kar");
    EXPECT_EQ((co_await read_text(*opened, 11, 10)).value(), "");
    EXPECT_TRUE(co_await opened->close());
  }(directory_ / "file"));
}

TEST_P(file_test, direct_and_durable_writes_of_many_vectors) {
  run([](std::string path) -> task<> {
    auto opened = co_await file::open(path, open_read | open_write | open_create | open_direct);
    if (!opened && opened.error() == errc::invalid) co_return;  // a file system without O_DIRECT
    EXPECT_TRUE(opened);
    // More vectors than one system call takes.
    constexpr std::size_t blocks = 2500;
    auto memory = core::current().memory().take(blocks * block_size);
    std::vector<iovec> vectors;
    for (std::size_t i = 0; i < blocks; ++i) {
      auto* block = memory.data() + i * block_size;
      std::memset(block, static_cast<int>(i % 251), block_size);
      vectors.push_back({block, block_size});
    }
    EXPECT_TRUE(co_await opened->allocate(0, blocks * block_size));
    EXPECT_TRUE(co_await opened->write(0, std::move(vectors), true));
    auto back = core::current().memory().take((blocks + 1) * block_size);
    auto got = co_await opened->read(0, {back.data(), (blocks + 1) * block_size});
    EXPECT_EQ(got.value(), blocks * block_size);
    EXPECT_EQ(std::memcmp(memory.data(), back.data(), blocks * block_size), 0);
    // The end of the file inside a block.
    EXPECT_TRUE(co_await opened->truncate(block_size + 1000));
    got = co_await opened->read(0, {back.data(), 4 * block_size});
    EXPECT_EQ(got.value(), block_size + 1000);
    EXPECT_TRUE(co_await opened->close());
  }(directory_ / "direct"));
}

TEST_P(file_test, errors_are_told_by_name) {
  run([](std::string here) -> task<> {
    EXPECT_EQ((co_await file::open(here + "/none", open_read)).error(), errc::not_found);
    EXPECT_EQ((co_await status_of(here + "/none")).error(), errc::not_found);
    EXPECT_EQ((co_await list_directory(here + "/none")).error(), errc::not_found);
    EXPECT_EQ((co_await unlink_file(here + "/none")).error(), errc::not_found);
    EXPECT_EQ((co_await rename_file(here + "/none", here + "/other")).error(), errc::not_found);
    EXPECT_EQ((co_await make_directory(here)).error(), errc::exists);
    auto first = co_await file::open(here + "/one", open_write | open_create | open_exclusive);
    EXPECT_TRUE(first);
    auto again = co_await file::open(here + "/one", open_write | open_create | open_exclusive);
    EXPECT_EQ(again.error(), errc::exists);
    EXPECT_EQ((co_await file::open(here + "/one/two", open_read)).error(), errc::not_a_directory);
    EXPECT_EQ((co_await remove_directory(here)).error(), errc::not_empty);
  }(directory_.path()));
}

TEST_P(file_test, names_and_directories) {
  run([](std::string here) -> task<> {
    EXPECT_TRUE(co_await make_directory(here + "/sub"));
    for (auto const* name : {"b", "c", "a"}) {
      EXPECT_TRUE(co_await file::open(here + "/sub/" + name, open_write | open_create));
    }
    EXPECT_THAT((co_await list_directory(here + "/sub")).value(), ElementsAre("a", "b", "c"));
    EXPECT_TRUE(co_await rename_file(here + "/sub/a", here + "/sub/c"));
    EXPECT_TRUE(co_await unlink_file(here + "/sub/b"));
    EXPECT_THAT((co_await list_directory(here + "/sub")).value(), ElementsAre("c"));
    EXPECT_TRUE(co_await sync_directory(here + "/sub"));
    EXPECT_TRUE((co_await status_of(here + "/sub")).value().directory);
    EXPECT_TRUE(co_await unlink_file(here + "/sub/c"));
    EXPECT_TRUE(co_await remove_directory(here + "/sub"));
    EXPECT_THAT((co_await list_directory(here)).value(), ElementsAre());
  }(directory_.path()));
}

TEST_P(file_test, many_small_files_are_replaced_in_one_go) {
  run([](std::string here) -> task<> {
    EXPECT_TRUE(co_await write_file_atomically(here + "/long", "a long text"));
    EXPECT_TRUE(co_await write_file_atomically(here + "/old", "goes"));
    EXPECT_TRUE(co_await write_file_atomically(here + "/more", "0123456789"));
    EXPECT_TRUE(co_await replace_files({{here + "/long", "short"},
                                        {here + "/new", "made"},
                                        {here + "/empty", ""},
                                        {here + "/more", "abc", 2},
                                        {here + "/renamed", "other", 0, here + "/old"},
                                        {here + "/fresh", "one", 0, here + "/none"},
                                        {here + "/new", "again", 0, {}, true},
                                        {here + "/once", "once", 0, {}, true}}));
    EXPECT_EQ((co_await read_file(here + "/long", KiB)).value(), "short");
    EXPECT_EQ((co_await read_file(here + "/new", KiB)).value(), "made");
    EXPECT_EQ((co_await read_file(here + "/once", KiB)).value(), "once");
    EXPECT_EQ((co_await read_file(here + "/empty", KiB)).value(), "");
    EXPECT_EQ((co_await read_file(here + "/more", KiB)).value(), "01abc");
    EXPECT_EQ((co_await read_file(here + "/old", KiB)).error(), errc::not_found);
    EXPECT_EQ((co_await read_file(here + "/renamed", KiB)).value(), "other");
    EXPECT_EQ((co_await read_file(here + "/fresh", KiB)).value(), "one");
    // The first error is told, and what comes behind it is done.
    auto failed = co_await replace_files({{here + "/no/where", "lost"}, {here + "/kept", "kept"}});
    EXPECT_EQ(failed.error(), errc::not_found);
    EXPECT_EQ((co_await read_file(here + "/kept", KiB)).value(), "kept");
  }(directory_.path()));
}

TEST_P(file_test, allocated_and_zeroed_ranges_read_as_zeros) {
  run([](std::string path) -> task<> {
    auto opened = co_await file::open(path, open_read | open_write | open_create);
    EXPECT_TRUE(co_await opened->allocate(0, 3 * block_size));
    EXPECT_EQ((co_await status_of(path))->size, 3 * block_size);
    EXPECT_EQ((co_await status_of(path))->allocated_bytes, 3 * block_size);
    EXPECT_TRUE(co_await opened->write(0, bytes_of(std::string(2 * block_size, 'x')), true));
    EXPECT_TRUE(co_await opened->zero_range(100, block_size));
    auto expected_text = std::string(100, 'x') + std::string(block_size, '\0') +
                         std::string(block_size - 100, 'x') + std::string(block_size, '\0');
    EXPECT_EQ((co_await read_text(*opened, 0, 4 * block_size)).value(), expected_text);
    EXPECT_TRUE(co_await opened->truncate(50));
    EXPECT_EQ((co_await status_of(path))->size, 50U);
  }(directory_ / "ranges"));
}

TEST_P(file_test, many_operations_at_once) {
  constexpr std::size_t writers = 3000;  // more than the submission queue has slots
  run([](std::string path) -> task<> {
    auto opened = co_await file::open(path, open_read | open_write | open_create);
    EXPECT_TRUE(opened);
    task_set all;
    auto one = [](file& target, std::uint64_t index) -> task<> {
      EXPECT_TRUE(
          co_await target.write(index * 8, {reinterpret_cast<std::byte*>(&index), 8}, false));
    };
    for (std::uint64_t index = 0; index < writers; ++index) all.spawn(one(*opened, index));
    co_await all.join();
    std::vector<std::uint64_t> back(writers);
    auto got = co_await opened->read(0, std::as_writable_bytes(std::span{back}));
    EXPECT_EQ(got.value(), writers * 8);
    for (std::uint64_t index = 0; index < writers; ++index) EXPECT_EQ(back[index], index);
  }(directory_ / "many"));
  EXPECT_EQ(core_->io().counters().overflows, 0U);
}

TEST_P(file_test, whole_files) {
  run([](std::string path) -> task<> {
    auto text = std::string(200'000, 'k');
    EXPECT_TRUE(co_await write_file_atomically(path, text));
    EXPECT_EQ((co_await read_file(path, 1 << 20)).value(), text);
    EXPECT_EQ((co_await read_file(path, 1000)).error(), errc::corrupt);
    EXPECT_TRUE(co_await write_file_atomically(path, "short"));
    EXPECT_EQ((co_await read_file(path, 1000)).value(), "short");
    EXPECT_EQ((co_await write_file_atomically(path + "/below", "x")).error(),
              errc::not_a_directory);
  }(directory_ / "whole"));
  auto left = run(list_directory(directory_.path()));
  EXPECT_THAT(left.value(), ElementsAre("whole"));
}

TEST_P(file_test, a_dropped_file_is_closed_in_the_background) {
  run([](std::string path) -> task<> {
    (void)co_await file::open(path, open_write | open_create);
  }(directory_ / "first"));
  auto before = open_descriptors();
  run([](std::string path) -> task<> {
    for (auto i = 0; i < 20; ++i) (void)co_await file::open(path, open_write | open_create);
    while (core::current().background().running() != 0)
      co_await sleep_until(core::current().now() + 1ms);
  }(directory_ / "dropped"));
  EXPECT_LE(open_descriptors(), before);
}

KARST_ON_EACH_BACKEND(file_test);

}  // namespace
}  // namespace karst
