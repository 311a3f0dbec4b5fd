#include "kernel/core/memory_ceiling.hpp"

#include "kernel/core/paths.hpp"
#include "kernel/core/preparer.hpp"
#include "kernel/core/tree.hpp"

#include <vivarium/records.hpp>

#include <algorithm>
#include <string>

namespace vivarium {
namespace {

constexpr Millis kInterval{1'000};
constexpr std::size_t kNotedBytesMax = 1u << 20;
/// What a write costs beside its body, roughly: many short ones count as well.
constexpr std::size_t kWriteBytes = 256;

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

bool any_part(Op) { return true; }

bool sets_more(std::string_view body, const Tree& tree) {
  JuteIn in(body);
  records::SetDataRequest request;
  in(request);
  const auto* node = in.ok() ? tree.find(paths::of_node(request.path)) : nullptr;
  return node && request.data.value_or("").size() > node->data().value_or("").size();
}

}  // namespace

MemoryCeiling::MemoryCeiling(Loop& loop, Log& log, std::uint64_t ceiling_bytes,
                             std::function<std::uint64_t()> in_use)
    : log_(log), ceiling_bytes_(ceiling_bytes), in_use_(std::move(in_use)) {
  if (ceiling_bytes_ == 0 || !in_use_) return;
  timer_ = loop.timer([this] { look(); });
  look();
}

void MemoryCeiling::note_write(std::size_t bytes) {
  noted_bytes_ += bytes + kWriteBytes;
  if (timer_ && noted_bytes_ >= kNotedBytesMax) look();
}

void MemoryCeiling::look() {
  noted_bytes_ = 0;
  in_use_bytes_ = in_use_();
  timer_->arm(kInterval);
  const bool before = reached_;
  reached_ = in_use_bytes_ > (before ? ceiling_bytes_ - ceiling_bytes_ / 8 : ceiling_bytes_);
  if (reached_ != before) tell();
}

void MemoryCeiling::tell() const {
  if (!reached_)
    return log_.info("the state may grow again: " + mebibytes(in_use_bytes_) + " of memory are in use");
  log_.error(mebibytes(in_use_bytes_) + " of memory are in use, more than vivarium.memory.ceiling=" +
             mebibytes(ceiling_bytes_) + ": what makes the state grow is refused until it is an eighth "
             "less; reads, deletes and sessions go on. Remove znodes that are not needed, or raise the "
             "ceiling and start again");
}

bool makes_state_grow(Op op, std::string_view body, const Tree& tree) {
  switch (op) {
    case Op::create:
    case Op::create2:
    case Op::create_container:
    case Op::create_ttl:
    case Op::set_acl: return true;
    case Op::set_data: return sets_more(body, tree);
    case Op::multi: {
      std::vector<MultiPart> parts;
      return split_multi(body, any_part, parts) &&
             std::any_of(parts.begin(), parts.end(), [&](const MultiPart& part) {
               return part.op != Op::multi && makes_state_grow(part.op, part.body, tree);
             });
    }
    default: return false;
  }
}

}  // namespace vivarium
