#include "reactor/file.h"

#include <unistd.h>

#include "reactor/core.h"
#include "reactor/ready_operation.h"

namespace karst {
namespace {

expected<> done(io_result const& result) {
  if (result.error != errc::ok) return fail(result.error);
  return {};
}

task<> close_descriptor(int fd) {
  ready_operation op;
  op.code = opcode::close;
  op.fd = fd;
  (void)co_await op;
}

task<expected<>> operate_on_path(opcode code, std::string path) {
  ready_operation op;
  op.code = code;
  op.path = path.c_str();
  co_return done(co_await op);
}

task<expected<>> write_vectors(int fd, std::uint64_t offset, std::span<iovec> vectors, bool durable,
                               io_class priority) {
  ready_operation op;
  op.code = opcode::write;
  op.fd = fd;
  op.offset = offset;
  op.vectors = vectors.data();
  op.vector_count = static_cast<std::uint32_t>(vectors.size());
  op.durable = durable;
  op.priority = priority;
  co_return done(co_await op);
}

task<expected<>> operate_on_range(opcode code, int fd, std::uint64_t offset, std::uint64_t length) {
  ready_operation op;
  op.code = code;
  op.fd = fd;
  op.offset = offset;
  op.length = length;
  co_return done(co_await op);
}

std::string parent_of(std::string const& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

task<expected<file>> file::open(std::string path, std::uint32_t open_flags) {
  ready_operation op;
  op.code = opcode::open;
  op.path = path.c_str();
  op.open_flags = open_flags;
  auto result = co_await op;
  if (result.error != errc::ok) co_return fail(result.error);
  co_return file{static_cast<int>(result.value), (open_flags & open_directory) != 0};
}

void file::abandon() {
  if (fd_ < 0) return;
  auto fd = std::exchange(fd_, -1);
  if (auto* here = core::current_or_null()) {
    here->background().spawn(close_descriptor(fd));
  } else {
    ::close(fd);
  }
}

task<expected<std::size_t>> file::read(std::uint64_t offset, std::span<std::byte> to,
                                       io_class priority) {
  iovec vector{to.data(), to.size()};
  co_return co_await read(offset, std::span{&vector, 1}, priority);
}

task<expected<std::size_t>> file::read(std::uint64_t offset, std::span<iovec> to,
                                       io_class priority) {
  ready_operation op;
  op.code = opcode::read;
  op.fd = fd_;
  op.offset = offset;
  op.vectors = to.data();
  op.vector_count = static_cast<std::uint32_t>(to.size());
  op.priority = priority;
  auto result = co_await op;
  if (result.error != errc::ok) co_return fail(result.error);
  co_return static_cast<std::size_t>(result.value);
}

bool file::is_resident(std::uint64_t offset, std::uint64_t length) const {
  return core::current().io().is_resident(fd_, offset, length);
}

task<expected<>> file::write(std::uint64_t offset, std::vector<iovec> vectors, bool durable) {
  co_return co_await write_vectors(fd_, offset, vectors, durable, io_class::normal);
}

task<expected<>> file::write(std::uint64_t offset, std::span<std::byte const> bytes, bool durable,
                             io_class priority) {
  iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
  co_return co_await write_vectors(fd_, offset, {&vector, 1}, durable, priority);
}

task<expected<>> file::sync() {
  ready_operation op;
  op.code = opcode::sync;
  op.fd = fd_;
  op.open_flags = directory_ ? open_directory : 0;
  co_return done(co_await op);
}

task<expected<>> file::allocate(std::uint64_t offset, std::uint64_t length) {
  return operate_on_range(opcode::allocate, fd_, offset, length);
}

task<expected<>> file::zero_range(std::uint64_t offset, std::uint64_t length) {
  return operate_on_range(opcode::zero_range, fd_, offset, length);
}

task<expected<>> file::truncate(std::uint64_t length) {
  return operate_on_range(opcode::truncate, fd_, 0, length);
}

task<expected<>> file::close() {
  // The descriptor is gone whatever the kernel answers.
  return operate_on_range(opcode::close, std::exchange(fd_, -1), 0, 0);
}

task<expected<>> rename_file(std::string from, std::string to) {
  ready_operation op;
  op.code = opcode::rename;
  op.path = from.c_str();
  op.path2 = to.c_str();
  co_return done(co_await op);
}

task<expected<>> unlink_file(std::string path) {
  return operate_on_path(opcode::unlink, std::move(path));
}

task<expected<>> make_directory(std::string path) {
  return operate_on_path(opcode::make_directory, std::move(path));
}

task<expected<>> remove_directory(std::string path) {
  return operate_on_path(opcode::remove_directory, std::move(path));
}

task<expected<file_status>> status_of(std::string path) {
  file_status status;
  ready_operation op;
  op.code = opcode::status;
  op.path = path.c_str();
  op.status = &status;
  auto result = co_await op;
  if (result.error != errc::ok) co_return fail(result.error);
  co_return status;
}

task<expected<std::vector<std::string>>> list_directory(std::string path) {
  std::vector<std::string> names;
  ready_operation op;
  op.code = opcode::list_directory;
  op.path = path.c_str();
  op.names = &names;
  auto result = co_await op;
  if (result.error != errc::ok) co_return fail(result.error);
  co_return std::move(names);
}

task<expected<>> replace_files(std::vector<file_text> files) {
  ready_operation op;
  op.code = opcode::replace_files;
  op.texts = &files;
  op.path = files.empty() ? "" : files.front().path.c_str();  // what simulations call it
  co_return done(co_await op);
}

task<expected<>> sync_directory(std::string path) {
  auto directory = co_await file::open(std::move(path), open_read | open_directory);
  if (!directory) co_return fail(directory.error());
  auto synced = co_await directory->sync();
  auto closed = co_await directory->close();
  co_return synced ? closed : synced;
}

task<expected<std::string>> read_file(std::string path, std::size_t most) {
  // Most files have a line or two, and a start reads thousands: memory that is touched for nothing
  // was a tenth of its CPU.
  constexpr std::size_t first_step = 4 * KiB;
  constexpr std::size_t next_step = 64 * KiB;
  auto source = co_await file::open(std::move(path), open_read);
  if (!source) co_return fail(source.error());
  std::string content;
  auto outcome = errc::ok;
  for (auto ended = false; !ended && outcome == errc::ok;) {
    auto const had = content.size();
    auto const step = had == 0 ? first_step : next_step;
    content.resize(had + step);
    auto got =
        co_await source->read(had, {reinterpret_cast<std::byte*>(content.data()) + had, step});
    content.resize(had + got.value_or(0));
    ended = content.size() < had + step;
    if (!got) outcome = got.error();
    if (content.size() > most) outcome = errc::corrupt;
  }
  (void)co_await source->close();
  if (outcome != errc::ok) co_return fail(outcome);
  co_return std::move(content);
}

task<expected<>> write_file_atomically(std::string path, std::string content) {
  auto temporary = path + ".tmp";
  // A temporary file of an earlier crash would otherwise shine through where it was longer.
  (void)co_await unlink_file(temporary);
  auto target = co_await file::open(temporary, open_write | open_create | open_exclusive);
  if (!target) co_return fail(target.error());
  auto outcome = co_await target->write(0, std::as_bytes(std::span{content}), false);
  if (outcome) outcome = co_await target->sync();
  auto closed = co_await target->close();
  if (outcome) outcome = closed;
  if (outcome) outcome = co_await rename_file(temporary, path);
  if (!outcome) {
    (void)co_await unlink_file(temporary);
    co_return outcome;
  }
  co_return co_await sync_directory(parent_of(path));
}

}  // namespace karst
