#include <algorithm>

#include "reactor/base/assert.h"
#include "reactor/base/hash.h"
#include "tests/sim/sim_io.h"
#include "tests/sim/sim_network.h"

namespace karst::sim {
namespace {

// One file operation between submission and answer.
struct flight {
  simulated_io& owner;
  operation& op;
  std::shared_ptr<description> target;
  std::uint64_t mark = 0;  // write: token; sync: what it covers
  std::uint64_t hash = 0;
  std::uint64_t bytes = 0;

  world& host() const { return owner.host(); }
  sim_file& data() const { return target->node->data; }
};

io_result failed(errc error) { return {.error = error}; }

template <typename T>
io_result from(expected<T> const& outcome) {
  return {.error = outcome ? errc::ok : outcome.error()};
}

bool uses_descriptor(opcode code) {
  switch (code) {
    case opcode::read:
    case opcode::write:
    case opcode::sync:
    case opcode::allocate:
    case opcode::zero_range:
    case opcode::truncate:
    case opcode::close:
      return true;
    default:
      return false;
  }
}

// O_DIRECT: offset, memory and length in whole blocks.
bool aligned(operation const& op) {
  auto whole = [](std::uint64_t value) { return value % block_size == 0; };
  if (!whole(op.offset)) return false;
  return std::ranges::all_of(std::span{op.vectors, op.vector_count}, [&](iovec const& vector) {
    return whole(vector.iov_len) && whole(reinterpret_cast<std::uintptr_t>(vector.iov_base));
  });
}

// What the kernel refuses before it touches the disk.
errc refusal(operation const& op, description const* target) {
  if (!uses_descriptor(op.code)) return errc::ok;
  if (target == nullptr) return errc::invalid;
  if (op.code == opcode::close) return errc::ok;
  if (target->node == nullptr) return errc::invalid;
  if (op.code == opcode::sync) return errc::ok;
  if (target->node->directory) return errc::is_a_directory;
  auto const transfer = op.code == opcode::read || op.code == opcode::write;
  if (transfer && (target->open_flags & open_direct) != 0 && !aligned(op)) return errc::invalid;
  auto const needed = op.code == opcode::read ? open_read : open_write;
  return (target->open_flags & needed) != 0 ? errc::ok : errc::invalid;
}

void begin(flight& one) {
  auto& op = one.op;
  if (op.code == opcode::write) {
    auto bytes = gather(op);
    one.hash = hash_vectors(op);
    one.bytes = bytes.size();
    auto const direct = (one.target->open_flags & open_direct) != 0;
    if (direct && one.data().current().straddles(op.offset, one.bytes)) {
      one.host().report_violation(
          fmt::format("I-14: write of {} {}+{} straddles written and unwritten extents",
                      one.target->path, op.offset, one.bytes));
    }
    one.host().trace(bytes.data(), bytes.size());
    one.mark = one.data().begin_write(op.offset, std::move(bytes));
  } else if (op.code == opcode::sync) {
    one.mark =
        one.target->node->directory ? one.host().storage().names_mark() : one.data().sync_mark();
  }
}

io_result perform_write(flight& one, errc fault) {
  auto& host = one.host();
  if (hash_vectors(one.op) != one.hash) {
    host.report_violation(fmt::format("I-15: memory under a write of {} {}+{} was changed",
                                      one.target->path, one.op.offset, one.bytes));
  }
  auto blocks = one.data().current().holes(one.op.offset, one.bytes);
  if (fault == errc::ok && !host.storage().take_space(blocks)) fault = errc::no_space;
  if (fault != errc::ok) {
    one.data().fail_write(one.mark, host.random(), fault != errc::cancelled);
    return failed(fault);
  }
  one.data().finish_write(one.mark, one.op.durable);
  one.target->node->modified = host.wall_now();
  return {.value = static_cast<std::int64_t>(one.bytes)};
}

io_result perform_read(flight& one) {
  std::int64_t total = 0;
  for (auto const& vector : std::span{one.op.vectors, one.op.vector_count}) {
    auto to = std::span{static_cast<std::byte*>(vector.iov_base), vector.iov_len};
    auto got = one.data().current().read(one.op.offset + static_cast<std::uint64_t>(total), to);
    total += static_cast<std::int64_t>(got);
    if (got != to.size()) break;
  }
  return {.value = total};
}

io_result perform_sync(flight& one, errc fault) {
  auto& node = one.target->node;
  if (fault != errc::ok) {
    // One that a kill prevented was never asked of the device.
    auto const asked = fault != errc::cancelled;
    if (!node->directory && asked) node->data.fail_sync(one.mark);
    return failed(fault);
  }
  if (node->directory) {
    one.host().storage().sync_names(node, one.mark);
  } else {
    node->data.finish_sync(one.mark);
  }
  return {};
}

io_result perform_allocate(flight& one) {
  if (!one.host().storage().take_space(one.data().current().holes(one.op.offset, one.op.length))) {
    return failed(errc::no_space);
  }
  one.data().allocate(one.op.offset, one.op.length);
  return {};
}

io_result perform_truncate(flight& one) {
  auto before = one.data().current().allocated_blocks();
  one.data().truncate(one.op.length);
  one.host().storage().give_space(before - one.data().current().allocated_blocks());
  return {};
}

io_result perform_open(flight& one) {
  auto& host = one.host();
  if (host.options().refuse_direct && (one.op.open_flags & open_direct) != 0)
    return failed(errc::invalid);
  auto node = host.storage().open(one.op.path, one.op.open_flags, host.wall_now());
  if (!node) return failed(node.error());
  auto fd = host.add_descriptor(std::make_shared<description>(
      description{.node = *node, .open_flags = one.op.open_flags, .path = one.op.path}));
  if (!fd) return failed(fd.error());
  return {.value = *fd};
}

io_result perform_status(flight& one) {
  auto node = one.host().storage().find(one.op.path);
  if (!node) return failed(errc::not_found);
  auto const& content = node->data.current();
  *one.op.status = {.size = content.size(),
                    .allocated_bytes = content.allocated_blocks() * block_size,
                    .directory = node->directory,
                    .modified = node->modified};
  return {};
}

io_result perform_list(flight& one) {
  auto node = one.host().storage().find(one.op.path);
  if (!node) return failed(errc::not_found);
  if (!node->directory) return failed(errc::not_a_directory);
  one.op.names->clear();
  for (auto const& [name, target] : node->names) one.op.names->push_back(name);
  return {};
}

// Each file's renaming, making, writing and cutting are changes of their own: a power cut keeps any
// of them.
io_result replace_one(flight& one, file_text const& file) {
  auto& disk = one.host().storage();
  if (file.only_make && disk.find(file.path)) return {};
  if (!file.was.empty()) (void)disk.rename(file.was, file.path);
  auto node = disk.open(file.path, open_write | open_create, one.host().wall_now());
  if (!node) return failed(node.error());
  auto& data = (*node)->data;
  if (!disk.take_space(data.current().holes(file.at, file.text.size()))) {
    return failed(errc::no_space);
  }
  auto bytes = std::as_bytes(std::span{file.text});
  data.finish_write(data.begin_write(file.at, {bytes.begin(), bytes.end()}), false);
  if (data.current().size() > file.at + bytes.size()) data.truncate(file.at + bytes.size());
  return {};
}

// The first error is told; what comes behind it is done.
io_result perform_replace(flight& one) {
  io_result result;
  for (auto const& file : *one.op.texts) {
    auto replaced = replace_one(one, file);
    if (result.error == errc::ok) result = std::move(replaced);
  }
  return result;
}

io_result perform(flight& one, errc fault) {
  auto& disk = one.host().storage();
  auto& op = one.op;
  if (op.code == opcode::write) return perform_write(one, fault);
  if (op.code == opcode::sync) return perform_sync(one, fault);
  // A failed close has closed all the same (close(2)).
  if (op.code == opcode::close) one.host().remove_descriptor(op.fd);
  if (fault != errc::ok) return failed(fault);
  switch (op.code) {
    case opcode::read:
      return perform_read(one);
    case opcode::allocate:
      return perform_allocate(one);
    case opcode::zero_range:
      one.data().zero(op.offset, op.length);
      return {};
    case opcode::truncate:
      return perform_truncate(one);
    case opcode::open:
      return perform_open(one);
    case opcode::close:
      return {};
    case opcode::rename:
      return from(disk.rename(op.path, op.path2));
    case opcode::unlink:
      return from(disk.unlink(op.path));
    case opcode::make_directory:
      return from(disk.make_directory(op.path));
    case opcode::remove_directory:
      return from(disk.remove_directory(op.path));
    case opcode::status:
      return perform_status(one);
    case opcode::list_directory:
      return perform_list(one);
    case opcode::replace_files:
      return perform_replace(one);
    default:
      break;
  }
  return failed(errc::unsupported);
}

void take_effect(flight& one) {
  auto& op = one.op;
  auto const path = one.target ? one.target->path : std::string{op.path != nullptr ? op.path : ""};
  auto const new_file = op.code == opcode::open && (op.open_flags & open_create) != 0 &&
                        one.host().storage().find(path) == nullptr;
  auto fault = one.host().next_fault(op.code, path, new_file);
  auto result = perform(one, fault);
  auto length = op.length;
  if (op.code == opcode::write) length = one.bytes;
  if (op.code == opcode::read) length = static_cast<std::uint64_t>(result.value);
  one.host().record({.code = op.code,
                     .path = path,
                     .offset = op.offset,
                     .length = length,
                     .durable = op.durable,
                     .error = result.error});
  one.owner.finish(op, std::move(result));
}

}  // namespace

void start_file_operation(simulated_io& owner, operation& op) {
  auto& host = owner.host();
  auto target = uses_descriptor(op.code) ? host.descriptor(op.fd) : nullptr;
  if (auto error = refusal(op, target.get()); error != errc::ok) {
    return host.after_latency([&owner, &op, error] { owner.finish(op, {.error = error}); });
  }
  if (op.code == opcode::close && (target->connected || target->listening)) {
    return close_socket(owner, op);
  }
  auto one =
      std::make_shared<flight>(flight{.owner = owner, .op = op, .target = std::move(target)});
  begin(*one);
  host.after_latency([one] { take_effect(*one); });
}

}  // namespace karst::sim
