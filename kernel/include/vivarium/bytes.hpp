#pragma once
// Bytes that several owners share without copying: a transaction on its way to disk and peers, a watch
// event on its way to ten thousand clients.
//
// Everywhere else bytes travel as std::string_view, valid until the callee returns.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace vivarium {

/// An immutable run of bytes, kept alive by each copy of this value. Thread: copies may live on
/// different threads.
class SharedBytes {
 public:
  SharedBytes() = default;

  /// Takes the string over without copying its characters.
  explicit SharedBytes(std::string&& bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    view_ = *owner;
    owner_ = std::move(owner);
  }

  /// Copies `bytes` into one allocation.
  static SharedBytes copy_of(std::string_view bytes) { return SharedBytes(std::string(bytes)); }

  /// A part of the same allocation. `offset + size` must lie within view().
  SharedBytes slice(std::size_t offset, std::size_t size) const {
    SharedBytes part;
    part.owner_ = owner_;
    part.view_ = view_.substr(offset, size);
    return part;
  }

  std::string_view view() const { return view_; }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view view_;
};

}  // namespace vivarium
