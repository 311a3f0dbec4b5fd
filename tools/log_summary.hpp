#pragma once
// What logs hold, in numbers.

#include "storage/file/log_reader.hpp"

#include <cereal/cereal.hpp>

#include <cstdint>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace vivarium::tools {

/// How often something came, and with how many bytes of transactions.
struct Tally {
  std::string name;
  std::uint64_t count = 0, bytes = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(name), CEREAL_NVP(count), CEREAL_NVP(bytes));
  }
};

struct LogFacts {
  std::uint64_t files = 0, file_bytes = 0, transactions = 0, repeated = 0, malformed = 0;
  std::uint64_t bytes = 0, largest = 0;
  std::string largest_zxid, first_zxid, last_zxid, first_time, last_time;
  std::uint64_t sessions = 0;  ///< Different ones that had a transaction.
  std::vector<Tally> types, epochs, paths, prefixes;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(files), CEREAL_NVP(file_bytes), CEREAL_NVP(transactions),
            CEREAL_NVP(repeated), CEREAL_NVP(malformed), CEREAL_NVP(bytes), CEREAL_NVP(largest),
            CEREAL_NVP(largest_zxid), CEREAL_NVP(first_zxid), CEREAL_NVP(last_zxid),
            CEREAL_NVP(first_time), CEREAL_NVP(last_time), CEREAL_NVP(sessions), CEREAL_NVP(types),
            CEREAL_NVP(epochs), CEREAL_NVP(paths), CEREAL_NVP(prefixes));
  }
};

class LogSummary {
 public:
  void add(const file::LogReader& at);
  LogFacts facts() const;

 private:
  struct Sum {
    std::uint64_t count = 0, bytes = 0;
  };
  using Sums = std::map<std::string, Sum, std::less<>>;
  static void add(Sums& sums, std::string_view name, std::uint64_t bytes);
  void add_path(std::string_view path, std::uint64_t bytes);
  static std::vector<Tally> top(const Sums& sums, std::size_t most);

  LogFacts facts_;
  Sums types_, epochs_, paths_, prefixes_;
  std::set<std::int64_t> sessions_;
  std::set<std::string> files_;
  std::int64_t first_time_ = 0, last_time_ = 0;
};

void print(std::ostream& out, const LogFacts& facts);

}  // namespace vivarium::tools
