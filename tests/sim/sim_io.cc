#include "tests/sim/sim_io.h"

#include <new>

#include "reactor/base/assert.h"
#include "reactor/base/hash.h"
#include "tests/sim/sim_network.h"

namespace karst::sim {

// The pool outlives the io while buffers are out, so that a test may drop them in any order.
struct simulated_io::receive_pool {
  world* host = nullptr;  // null when the io is gone
  std::vector<std::function<void()>> waiting;
  std::size_t out = 0;
  std::size_t most = 0;
  std::size_t bytes = 0;
};

simulated_io::simulated_io(world& world) : world_(world), pool_(std::make_shared<receive_pool>()) {
  pool_->host = &world;
  pool_->most = world.options().receive_buffers;
  pool_->bytes = world.options().receive_buffer_bytes;
}

simulated_io::~simulated_io() {
  KARST_ASSERT(in_flight_ == 0, "seed {}: {} operations in flight when the io ends",
               world_.options().seed, in_flight_);
  pool_->host = nullptr;
}

void simulated_io::submit(operation& op) {
  KARST_ASSERT(!op.in_flight, "submitted twice");
  op.in_flight = true;
  ++in_flight_;
  ++counters_.operations;
  if (op.code < opcode::read) {
    start_socket_operation(*this, op);
  } else {
    start_file_operation(*this, op);
  }
}

void simulated_io::cancel(operation& op) {
  // File operations end by themselves; a socket operation that waits ends now.
  if (op.in_flight && op.code < opcode::read) cancel_socket_operation(*this, op);
}

void simulated_io::finish(operation& op, io_result result) {
  done_.push_back({.op = &op, .result = std::move(result)});
}

void simulated_io::turn(time_point until) {
  world_.count_turn();
  ++counters_.turns;
  world_.run_due();
  if (done_.empty() && until > world_.now() && world_.advances_in_turn) {
    auto next = world_.next_event();
    world_.advance_to(next ? std::min(until, *next) : until);
    world_.run_due();
  }
  auto answers = std::exchange(done_, {});
  // Any order between operations; a multishot operation's own answers stay in theirs.
  for (std::size_t i = answers.size(); i > 1; --i) {
    auto j = world_.random().below(i);
    auto fixed = answers[i - 1].op->multishot || answers[j].op->multishot;
    if (!fixed) std::swap(answers[i - 1], answers[j]);
  }
  for (auto& one : answers) {
    auto facts =
        std::array<std::int64_t, 3>{static_cast<std::int64_t>(one.op->code),
                                    static_cast<std::int64_t>(one.result.error), one.result.value};
    world_.trace(facts.data(), sizeof facts);
    if (!one.result.more) {
      one.op->in_flight = false;
      --in_flight_;
    }
    one.op->complete(*one.op, std::move(one.result));
  }
}

buffer simulated_io::take_receive_buffer() {
  if (pool_->out == pool_->most) return {};
  ++pool_->out;
  struct pooled_block : buffer_block {
    std::shared_ptr<receive_pool> pool;
    std::vector<std::byte> memory;
  };
  auto* block = new pooled_block;
  block->pool = pool_;
  block->memory.resize(pool_->bytes);
  block->data = block->memory.data();
  block->capacity = static_cast<std::uint32_t>(pool_->bytes);
  block->release = [](buffer_block& released) {
    auto& whole = static_cast<pooled_block&>(released);
    auto& pool = *whole.pool;
    --pool.out;
    for (auto& again : std::exchange(pool.waiting, {})) {
      if (pool.host != nullptr) pool.host->at(pool.host->now(), std::move(again));
    }
    delete &whole;
  };
  return buffer{*block, block->data, pool_->bytes};
}

void simulated_io::when_memory_returns(std::function<void()> again) {
  pool_->waiting.push_back(std::move(again));
}

bool simulated_io::receive_memory_low() const { return pool_->out * 4 >= pool_->most * 3; }

std::vector<std::byte> gather(operation const& op) {
  std::vector<std::byte> bytes;
  for (auto const& vector : std::span{op.vectors, op.vector_count}) {
    auto const* from = static_cast<std::byte const*>(vector.iov_base);
    bytes.insert(bytes.end(), from, from + vector.iov_len);
  }
  return bytes;
}

std::uint64_t hash_vectors(operation const& op) {
  std::uint64_t hash = 0;
  for (auto const& vector : std::span{op.vectors, op.vector_count}) {
    hash = hash_bytes(vector.iov_base, vector.iov_len, hash);
  }
  return hash;
}

expected<listen_result> simulated_io::listen(sockaddr_storage const& address, int backlog) {
  return listen_on(world_, address, backlog);
}

expected<int> simulated_io::make_socket(int) {
  return world_.add_descriptor(make_unconnected(world_));
}

std::expected<int, lock_holder> simulated_io::lock_file(std::string const& path) {
  if (auto lock = world_.lock(path)) return *lock;
  return std::unexpected(lock_holder{.text = "another simulated process"});
}

std::string simulated_io::direct_refusal(std::string const& directory) {
  if (!world_.options().refuse_direct) return {};
  return fmt::format("{} takes no O_DIRECT", directory);
}

expected<disk_space> simulated_io::space_of(std::string const&) {
  auto& disk = world_.storage();
  return disk_space{.total_bytes = disk.capacity_bytes(), .available_bytes = disk.free_bytes()};
}

void simulated_io::shutdown_socket(int fd) { shut_down(world_, fd); }

expected<sockaddr_storage> simulated_io::peer_address(int fd) { return peer_of(world_, fd); }

}  // namespace karst::sim
