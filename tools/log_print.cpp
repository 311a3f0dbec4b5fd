#include "tools/log_print.hpp"

#include "kernel/core/hex.hpp"
#include "storage/file/format.hpp"
#include "tools/json_archive.hpp"
#include "tools/text_archive.hpp"
#include "tools/transaction.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace vivarium::tools {
namespace {

constexpr std::size_t kTextBytesMax = 64;

std::string hex(std::int64_t value) { return "0x" + to_hex(value); }

/// A multi's parts are transactions in themselves.
struct AsText {
  TextArchive& archive;

  template <class Record>
  void operator()(const Record& record) const {
    archive(record);
  }
  void operator()(const records::MultiTxn& multi) const {
    archive.out() += " [";
    for (const records::SubTxn& part : multi.txns) {
      if (&part != &multi.txns.front()) archive.out() += ", ";
      archive.out() += name_of(static_cast<Op>(part.type));
      if (!visit_part(part, *this)) archive.out() += " (malformed)";
    }
    archive.out() += ']';
  }
};

struct AsJson {
  cereal::JSONOutputArchive& archive;

  template <class Record>
  void operator()(const Record& record) const {
    archive(cereal::make_nvp("txn", record));
  }
  void operator()(const records::MultiTxn& multi) const {
    archive.setNextName("txns");
    archive.startNode();
    archive.makeArray();
    for (const records::SubTxn& part : multi.txns) {
      archive.startNode();
      archive(cereal::make_nvp("type", name_of(static_cast<Op>(part.type))));
      if (!visit_part(part, *this))
        archive(cereal::make_nvp("malformed", Data(part.data)));
      archive.finishNode();
    }
    archive.finishNode();
  }
};

}  // namespace

std::string utc(std::int64_t wall_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(wall_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> clock(time - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

std::string text_line(const file::LogReader& at) {
  const auto transaction = Transaction::of(at.payload());
  const auto& header = transaction.header;
  std::string line = file::text_of(at.zxid()) + " " + utc(header.time) +
                     " session=" + hex(header.client_id) + " cxid=" + std::to_string(header.cxid) +
                     " " + std::string(name_of(transaction.type()));
  TextArchive archive(line, kTextBytesMax);
  JuteIn body(transaction.body);
  if (transaction.malformed)
    line += " type=" + std::to_string(header.type) + " (malformed)";
  else
    visit_body(transaction.type(), body, AsText{archive});
  if (transaction.digest) line += " digest=" + hex(transaction.digest->tree_digest);
  if (at.repeated()) line += " (repeated)";
  return line;
}

std::string json_line(const file::LogReader& at) {
  const auto transaction = Transaction::of(at.payload());
  return json_line([&](cereal::JSONOutputArchive& archive) {
    archive(cereal::make_nvp("zxid", file::text_of(at.zxid())), cereal::make_nvp("file", at.path()),
            cereal::make_nvp("offset", at.offset()),
            cereal::make_nvp("type", name_of(transaction.type())),
            cereal::make_nvp("session", hex(transaction.header.client_id)),
            cereal::make_nvp("header", transaction.header));
    JuteIn body(transaction.body);
    if (transaction.malformed)
      archive(cereal::make_nvp("malformed", Data(transaction.body)));
    else
      visit_body(transaction.type(), body, AsJson{archive});
    if (transaction.digest) archive(cereal::make_nvp("digest", *transaction.digest));
  });
}

}  // namespace vivarium::tools
