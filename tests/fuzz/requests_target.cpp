// The records that a client sends, each held to its shape: what is read, what is left, what writing
// it again gives, and how much memory that takes. A multi is split at every nesting.
//
// An input is the number of a record, and bytes.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <vivarium/assert.hpp>
#include <vivarium/records.hpp>

#include "kernel/core/preparer.hpp"
#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/shapes.hpp"
#include "tests/fuzz/target.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

// A text of 4 bytes is viewed by 16, an ACL entry of 12 by 40; a part of a multi, of 17 at least,
// by 24 in a vector that doubles.
constexpr std::size_t kMemoryPerByte = 5;
constexpr std::size_t kMemoryFixed = 4096;

template <class Record>
void check_record(std::string_view shape, std::string_view bytes) {
  const MemoryGauge gauge;
  JuteIn in(bytes);
  Record record;
  in(record);
  gauge.check(kMemoryFixed + kMemoryPerByte * bytes.size());
  const auto expected = read_shape(shape, bytes);
  VIVARIUM_ASSERT(in.ok() == expected.has_value(), "read by one, and refused by the other");
  if (!in.ok()) return;
  VIVARIUM_ASSERT(in.rest() == expected->rest, "the record ends elsewhere");
  VIVARIUM_ASSERT(in.saw_null_vector() == expected->null_list, "a null list is an empty one");
  VIVARIUM_ASSERT(to_jute(record) == expected->canonical, "what is written is not what was read");
}

// --- multi ---------------------------------------------------------------------------------------

bool any_op(Op) { return true; }
bool is_read(Op op) { return op == Op::get_data || op == Op::get_children; }

/// The same by its shape. False: malformed.
bool split_by_shape(std::string_view body, bool (*allowed)(Op), std::vector<MultiPart>& parts) {
  for (;;) {
    const auto header = read_shape("izi", body);
    if (!header) return false;
    body = header->rest;
    if (header->bytes[4] != 0) return true;
    const auto op = static_cast<Op>(JuteIn(header->bytes).take<std::int32_t>());
    constexpr std::array kKnown = {Op::create,     Op::create2,  Op::create_container,
                                   Op::create_ttl, Op::remove,   Op::check,
                                   Op::set_data,   Op::get_data, Op::get_children};
    const bool known = std::find(kKnown.begin(), kKnown.end(), op) != kKnown.end();
    if (!known || !allowed(op)) return false;
    const auto part = read_shape(request_shape(static_cast<int>(op)), body);
    if (!part || begins_with_null(part->bytes)) return false;
    parts.push_back({op, part->bytes});
    body = part->rest;
  }
}

void check_multi(std::string_view body, bool (*allowed)(Op)) {
  const MemoryGauge gauge;
  std::vector<MultiPart> parts;
  const bool split = split_multi(body, allowed, parts);
  gauge.check(kMemoryFixed + kMemoryPerByte * body.size());
  std::vector<MultiPart> expected;
  const bool expected_split = split_by_shape(body, allowed, expected);
  VIVARIUM_ASSERT(split == expected_split, "split by one, and refused by the other");
  if (!split) return;
  VIVARIUM_ASSERT(parts.size() == expected.size(), "other parts");
  for (std::size_t i = 0; i < parts.size(); ++i)
    VIVARIUM_ASSERT(parts[i].op == expected[i].op && parts[i].body == expected[i].body &&
                        parts[i].body.data() == expected[i].body.data(),
                    "another part");
}

// --- all records ---------------------------------------------------------------------------------

struct Row {
  const char* shape;
  void (*check)(std::string_view shape, std::string_view bytes);
};

constexpr std::array kRows = {
    Row{"ililb", check_record<records::ConnectRequest>},
    Row{"ii", check_record<records::RequestHeader>},
    Row{"sbAi", check_record<records::CreateRequest>},
    Row{"sbAil", check_record<records::CreateTtlRequest>},
    Row{"si", check_record<records::PathVersionRequest>},
    Row{"sz", check_record<records::PathWatchRequest>},
    Row{"s", check_record<records::PathRequest>},
    Row{"sbi", check_record<records::SetDataRequest>},
    Row{"sAi", check_record<records::SetAclRequest>},
    Row{"bbbl", check_record<records::ReconfigRequest>},
    Row{"si", check_record<records::PathTypeRequest>},
    Row{"isb", check_record<records::AuthPacket>},
    Row{"lSSS", check_record<records::SetWatchesRequest>},
    Row{"lSSSSS", check_record<records::SetWatches2Request>},
    Row{"izi", check_record<records::MultiHeader>},
    Row{"multi", [](std::string_view, std::string_view bytes) { check_multi(bytes, any_op); }},
    Row{"multiRead", [](std::string_view, std::string_view bytes) { check_multi(bytes, is_read); }},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(text_view(data, size));
  const Row& row = choices.one_of(kRows);
  row.check(row.shape, choices.rest());
  return 0;
}
