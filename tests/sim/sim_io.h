#pragma once

#include <memory>
#include <vector>

#include "reactor/io/io.h"
#include "tests/sim/sim_world.h"

namespace karst::sim {

// The simulated io of one core: operations take effect after a latency and are answered in an order
// drawn from the world's seed. Files are in file_operations, sockets in sim_network.
class simulated_io final : public karst::io {
 public:
  explicit simulated_io(world& world);
  ~simulated_io() override;

  std::string_view name() const override { return "sim"; }
  void submit(operation& op) override;
  void cancel(operation& op) override;
  void turn(time_point until) override;
  void wake() override {}
  bool busy() const override { return !done_.empty(); }
  bool receive_memory_low() const override;
  expected<listen_result> listen(sockaddr_storage const& address, int backlog) override;
  expected<int> make_socket(int family) override;
  void shutdown_socket(int fd) override;
  expected<sockaddr_storage> peer_address(int fd) override;

  std::expected<int, lock_holder> lock_file(std::string const& path) override;
  void unlock_file(int lock) override { world_.unlock(lock); }
  std::string direct_refusal(std::string const& directory) override;
  expected<disk_space> space_of(std::string const& path) override;

  // The answer to `op`, handed over in one of the next turns.
  void finish(operation& op, io_result result);
  // A buffer of the receive pool; empty when all are out.
  buffer take_receive_buffer();
  // Calls `again` in an event after the next buffer has come home.
  void when_memory_returns(std::function<void()> again);
  sim::world& host() { return world_; }

 private:
  struct answer {
    operation* op;
    io_result result;
  };
  struct receive_pool;
  world& world_;
  std::vector<answer> done_;
  std::size_t in_flight_ = 0;
  std::shared_ptr<receive_pool> pool_;
};

// Starts a file operation (opcode read and later); its effect comes after a latency.
void start_file_operation(simulated_io& owner, operation& op);

// The bytes that a vectored write or send refers to, and their hash: taken at submission and
// compared at the end (STORAGE I-15).
std::vector<std::byte> gather(operation const& op);
std::uint64_t hash_vectors(operation const& op);

}  // namespace karst::sim
