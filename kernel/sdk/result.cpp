#include <vivarium/result.hpp>

namespace vivarium {
namespace {

class ErrorCategory final : public boost::system::error_category {
 public:
  constexpr ErrorCategory() : error_category(0x7669766172697561) {}
  const char* name() const noexcept override { return "vivarium"; }
  std::string message(int code) const override {
    switch (static_cast<Errc>(code)) {
      case Errc::io_failed: return "input or output failed";
      case Errc::no_space: return "no space left";
      case Errc::not_found: return "not found";
      case Errc::already_exists: return "already exists";
      case Errc::in_use: return "in use";
      case Errc::corrupt: return "corrupt";
      case Errc::invalid_argument: return "invalid argument";
      case Errc::out_of_range: return "out of range";
      case Errc::unsupported: return "unsupported";
      case Errc::refused: return "refused";
      case Errc::timed_out: return "timed out";
      case Errc::closed: return "closed";
      case Errc::limit_exceeded: return "limit exceeded";
    }
    return "unknown";
  }
};

constexpr ErrorCategory kCategory;

}  // namespace

const boost::system::error_category& error_category() noexcept { return kCategory; }

boost::system::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), kCategory};
}

}  // namespace vivarium
