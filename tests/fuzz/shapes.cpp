#include "tests/fuzz/shapes.hpp"

#include <cstddef>
#include <cstdint>

namespace vivarium::fuzz {
namespace {

class ShapeReader {
 public:
  explicit ShapeReader(std::string_view bytes) : bytes_(bytes) {}

  bool read(char field) {
    switch (field) {
    case 'i': return copy(4);
    case 'l': return copy(8);
    case 'z': return flag();
    case 's': return text(Null::becomes_empty);
    case 'b': return text(Null::stays);
    case 'S': return list("s");
    case 'A': return list("iss");
    default: return false;
    }
  }
  std::string_view rest() const { return bytes_.substr(at_); }

  std::string canonical;
  bool null_list = false;

 private:
  enum class Null { becomes_empty, stays };

  bool has(std::size_t bytes) const { return bytes_.size() - at_ >= bytes; }

  bool copy(std::size_t bytes) {
    if (!has(bytes)) return false;
    canonical += bytes_.substr(at_, bytes);
    at_ += bytes;
    return true;
  }

  bool flag() {
    if (!has(1)) return false;
    canonical += bytes_[at_++] == 0 ? '\0' : '\1';
    return true;
  }

  std::optional<std::int32_t> number() {
    if (!has(4)) return std::nullopt;
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes_[at_++]);
    return static_cast<std::int32_t>(value);
  }

  void put(std::int32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
      canonical += static_cast<char>(static_cast<std::uint32_t>(value) >> shift);
  }

  bool text(Null null) {
    const auto size = number();
    if (!size || *size < -1) return false;
    if (*size == -1) {
      put(null == Null::stays ? -1 : 0);
      return true;
    }
    put(*size);
    return copy(static_cast<std::size_t>(*size));
  }

  bool list(std::string_view element) {
    const auto count = number();
    if (!count) return false;
    if (*count == -1) null_list = true;
    put(*count < 0 ? 0 : *count);
    for (std::int32_t i = 0; i < *count; ++i)
      for (const char field : element)
        if (!read(field)) return false;
    return true;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Shaped> read_shape(std::string_view shape, std::string_view bytes) {
  ShapeReader reader(bytes);
  for (const char field : shape)
    if (!reader.read(field)) return std::nullopt;
  const auto rest = reader.rest();
  return Shaped{bytes.substr(0, bytes.size() - rest.size()), rest, reader.canonical,
                reader.null_list};
}

std::string_view request_shape(int op) {
  switch (op) {
  case 1:   // create
  case 15:  // create2
  case 19:  // createContainer
    return "sbAi";
  case 21: return "sbAil";  // createTTL
  case 2:                   // delete
  case 13:                  // check
    return "si";
  case 3:   // exists
  case 4:   // getData
  case 8:   // getChildren
  case 12:  // getChildren2
    return "sz";
  case 5: return "sbi";  // setData
  case 6:                // getACL
  case 9:                // sync
  case 20:               // deleteContainer
  case 103:              // getEphemerals
  case 104:              // getAllChildrenNumber
    return "s";
  case 7: return "sAi";    // setACL
  case 16: return "bbbl";  // reconfig
  case 17:                 // checkWatches
  case 18:                 // removeWatches
  case 106:                // addWatch
    return "si";
  case 100: return "isb";     // auth
  case 101: return "lSSS";    // setWatches
  case 105: return "lSSSSS";  // setWatches2
  default: return "";
  }
}

bool begins_with_null(std::string_view record) {
  return record.starts_with(std::string_view("\xff\xff\xff\xff", 4));
}

}  // namespace vivarium::fuzz
