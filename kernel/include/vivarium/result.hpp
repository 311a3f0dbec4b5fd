#pragma once
// What an operation that can fail for reasons outside the program gives back.
//
// Three kinds of trouble are kept apart (docs/decisions/errors.md): a bug stops the process through
// VIVARIUM_ASSERT; "weather" (disk, network, configuration, foreign files) is a Result; a client
// operation that ZooKeeper refuses is plain data, a WireError. Exceptions are used only while a
// server is being assembled, and only `main` and the plugin loader catch them.

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace vivarium {

/// The classes of weather that a caller may want to tell apart. The text says the rest.
enum class Errc : std::int32_t {
  io_failed = 1,      ///< The disk or the system refused: final for the object it happened to.
  no_space,           ///< Disk full or quota reached.
  not_found,          ///< File, plugin, name.
  already_exists,     ///<
  in_use,             ///< Locked or bound by somebody else.
  corrupt,            ///< Bytes that cannot be what was once written.
  invalid_argument,   ///< A value that can never be right.
  out_of_range,       ///< A zxid, offset or count outside what is held.
  unsupported,        ///< Known, and not offered here.
  refused,            ///< A peer or a policy said no.
  timed_out,          ///<
  closed,             ///< The object was closed or is stopping.
  limit_exceeded,     ///< A named limit was reached.
};

/// The category of Errc. Its 64-bit id makes it equal to itself across shared libraries, each of
/// which holds an object of its own.
const boost::system::error_category& error_category() noexcept;
boost::system::error_code make_error_code(Errc code) noexcept;

/// A failure: its class, and one sentence that names what, where and the cure.
struct Error {
  boost::system::error_code code;
  std::string what;

  Error() = default;  ///< No error: what Boost's result::error() gives when there is none.
  Error(Errc errc, std::string sentence) : code(make_error_code(errc)), what(std::move(sentence)) {}
  bool is(Errc errc) const noexcept { return code == make_error_code(errc); }
};

/// Called by Result::value() on a failure. Only assembling code calls value() unchecked.
[[noreturn]] inline void throw_exception_from_error(const Error& error,
                                                    const boost::source_location&) {
  throw std::runtime_error(error.what);
}

/// A T or an Error; an ignored one is a compiler warning, which is an error here.
template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
 public:
  using boost::system::result<T, Error>::result;
};

/// Receives the outcome of an asynchronous operation, once, on the loop, never inside the call that
/// started it.
template <class T>
using Done = std::function<void(Result<T>)>;

}  // namespace vivarium
