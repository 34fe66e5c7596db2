#include "cluster/start_failure.h"

namespace karst::cluster {

exit_status status_of(errc code) {
  switch (code) {
    case errc::address_in_use:
      return exit_status::port_busy;
    case errc::busy:
      return exit_status::directory_locked;
    case errc::permission:
      return exit_status::no_permission;
    case errc::no_space:
      return exit_status::no_space;
    case errc::corrupt:
      return exit_status::damaged;
    case errc::address_unavailable:
      return exit_status::address_unavailable;
    case errc::invalid:
    case errc::unsupported:
      return exit_status::bad_configuration;
    default:
      return exit_status::failure;
  }
}

}  // namespace karst::cluster
