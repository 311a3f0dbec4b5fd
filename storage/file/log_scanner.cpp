#include "log_scanner.hpp"

#include "try.hpp"

#include <algorithm>

namespace vivarium::file {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

}  // namespace

std::string_view name_of(ScanEnd end) {
  switch (end) {
    case ScanEnd::clean: return "the end";
    case ScanEnd::cut_short: return "a record that is cut short";
    case ScanEnd::bad_length: return "a record of impossible length";
    case ScanEnd::bad_checksum: return "a record with a wrong checksum";
  }
  return "unknown";
}

LogScanner::LogScanner(File& file, std::uint64_t from, std::uint64_t to)
    : file_(file), to_(to), position_(from), window_at_(from) {}

Result<bool> LogScanner::ends(ScanEnd why) {
  end_ = why;
  return false;
}

Result<bool> LogScanner::next() {
  TRY_LET(there, fill(kRecordPrefixBytes));
  if (there == 0) return ends(ScanEnd::clean);
  if (there < kRecordPrefixBytes) return ends(ScanEnd::cut_short);
  const RecordPrefix prefix =
      record_prefix(std::string_view(window_).substr(position_ - window_at_));
  if (prefix.length == 0) return ends(prefix.checksum == 0 ? ScanEnd::clean : ScanEnd::cut_short);
  const auto length = static_cast<std::size_t>(prefix.length);
  if (prefix.length < 0 || length < kTxnHeaderBytes || length > kPayloadBytesMax)
    return ends(ScanEnd::bad_length);
  if (length + kRecordOverheadBytes > to_ - position_) return ends(ScanEnd::cut_short);

  TRY_LET(all, fill(length + kRecordOverheadBytes));
  if (all < length + kRecordOverheadBytes) return ends(ScanEnd::cut_short);
  const auto at = static_cast<std::size_t>(position_ - window_at_) + kRecordPrefixBytes;
  payload_ = std::string_view(window_).substr(at, length);
  // First the end mark, as Java does: without it the record counts as not wholly written.
  if (window_[at + length] != kRecordEnd) return ends(ScanEnd::cut_short);
  if (adler(kAdlerBegin, payload_) != prefix.checksum) return ends(ScanEnd::bad_checksum);
  offset_ = position_;
  prefix_ = prefix;
  position_ += length + kRecordOverheadBytes;
  return true;
}

/// Has up to `bytes` bytes from position_ on in the window; gives how many there are.
Result<std::size_t> LogScanner::fill(std::size_t bytes) {
  const auto consumed = static_cast<std::size_t>(position_ - window_at_);
  if (window_.size() - consumed >= bytes) return bytes;
  window_.erase(0, consumed);
  window_at_ = position_;
  const auto have = window_.size();
  const auto wanted = std::max(bytes, kReadBytes);
  const auto left = to_ - std::min(to_, position_ + have);
  window_.resize(have + static_cast<std::size_t>(std::min<std::uint64_t>(wanted - have, left)));
  TRY_LET(got, file_.read_at(position_ + have, window_.data() + have, window_.size() - have));
  window_.resize(have + got);
  return std::min(bytes, window_.size());
}

}  // namespace vivarium::file
