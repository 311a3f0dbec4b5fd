#pragma once
// The listeners and connection attempts of one transport. Their users own them; the transport makes
// them fall silent when it stops.

#include <memory>
#include <utility>
#include <vector>

namespace vivarium {

class TransportPart {
 public:
  virtual ~TransportPart() = default;
  /// Ends it: nothing calls back afterwards.
  virtual void stop() = 0;
};

class TransportParts {
 public:
  void add(const std::shared_ptr<TransportPart>& part) {
    std::erase_if(parts_, [](const auto& known) { return known.expired(); });
    parts_.push_back(part);
  }

  void stop_all() {
    for (const auto& weak : std::exchange(parts_, {}))
      if (const auto part = weak.lock()) part->stop();
  }

 private:
  std::vector<std::weak_ptr<TransportPart>> parts_;
};

}  // namespace vivarium
