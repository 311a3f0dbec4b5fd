#include "kernel/core/slow_requests.hpp"

#include "kernel/core/hex.hpp"

#include <algorithm>
#include <utility>

namespace vivarium {
namespace {

/// "1200.4"
std::string milliseconds(std::int64_t us) {
  return std::to_string(us / 1000) + "." + std::to_string(us % 1000 / 100);
}

/// A path may hold all characters. Those that could end the quotes are escaped here, and what could end
/// the line by the log itself.
std::string quoted(std::string_view path) {
  std::string text = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

Stage longest_stage(const RequestTimes& times) {
  const auto longest = std::max_element(times.us.begin(), times.us.end());
  return static_cast<Stage>(longest - times.us.begin());
}

std::string stages_text(const SlowRequest& request) {
  std::string text;
  for (std::size_t i = 0; i < kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (!has_stage(request.kind, stage)) continue;
    text += (text.empty() ? "" : ", ") + std::string(name_of(stage)) + " " +
            milliseconds(request.times[stage]);
  }
  return text;
}

std::string sync_text(const AwaitedSync& sync) {
  return "; it waited " + milliseconds(sync.waited_us) + " ms for a sync of " +
         milliseconds(sync.took_us) + " ms: " + std::to_string(sync.entries) + " transactions, 0x" +
         to_hex(sync.first.value) + " to 0x" + to_hex(sync.last.value) + ", " +
         std::to_string(sync.bytes) + " bytes, in " + sync.file;
}

}  // namespace

std::string_view name_of(Op op) {
  switch (op) {
    case Op::create:
    case Op::create2: return "create";
    case Op::create_container: return "createContainer";
    case Op::create_ttl: return "createTTL";
    case Op::remove: return "delete";
    case Op::exists: return "exists";
    case Op::get_data: return "getData";
    case Op::set_data: return "setData";
    case Op::get_acl: return "getACL";
    case Op::set_acl: return "setACL";
    case Op::get_children:
    case Op::get_children2: return "getChildren";
    case Op::sync: return "sync";
    case Op::ping: return "ping";
    case Op::multi: return "multi";
    case Op::multi_read: return "multiRead";
    case Op::reconfig: return "reconfig";
    case Op::check_watches: return "checkWatches";
    case Op::remove_watches: return "removeWatches";
    case Op::set_watches:
    case Op::set_watches2: return "setWatches";
    case Op::add_watch: return "addWatch";
    case Op::get_ephemerals: return "getEphemerals";
    case Op::get_all_children_number: return "getAllChildrenNumber";
    case Op::who_am_i: return "whoAmI";
    case Op::create_session: return "createSession";
    case Op::close_session: return "closeSession";
    default: return "unknown";
  }
}

std::string line_of(const SlowRequest& request) {
  std::string line = "slow request: " + milliseconds(request.total_us) + " ms, most of it " +
                     std::string(name_of(longest_stage(request.times))) + ": " +
                     std::string(name_of(request.op));
  if (!request.path.empty()) line += " path=" + quoted(request.path) + (request.path_cut ? "..." : "");
  line += " session=0x" + to_hex(request.session.value) + " client=" + request.client +
          " xid=" + std::to_string(request.xid) + " zxid=0x" + to_hex(request.zxid.value) +
          "; stages in ms: " + stages_text(request);
  if (request.sync) line += sync_text(*request.sync);
  return line;
}

SlowRequests::SlowRequests(Loop& loop, Log& log, Millis threshold)
    : log_(log),
      given_(threshold),
      threshold_(threshold > Millis(0) ? MonoTime(threshold) : MonoTime::max()),
      window_(loop.timer([this] { end_window(); })) {}

void SlowRequests::note(SlowRequest request) {
  if (++in_window_ == 1) window_->arm(kWindow);
  if (in_window_ <= kLinesMax) log_.warn(line_of(request));
  kept_.push_back(std::move(request));
  if (kept_.size() > kKept) kept_.pop_front();
}

void SlowRequests::end_window() {
  const auto left_out = std::exchange(in_window_, 0) - kLinesMax;
  if (left_out > 0)
    log_.warn(std::to_string(left_out) + " more requests were slow in " +
              std::to_string(kWindow.count() / 1000) +
              " s and got no line; the command slow_requests shows the last " + std::to_string(kKept));
}

}  // namespace vivarium
