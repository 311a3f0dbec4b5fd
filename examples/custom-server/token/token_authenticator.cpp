#include "token_authenticator.hpp"

#include <vivarium/disk.hpp>
#include <vivarium/log.hpp>

#include <sstream>

using namespace vivarium;

namespace {

/// One credential, answered at once.
class TokenExchange final : public AuthExchange {
 public:
  explicit TokenExchange(const TokenAuthenticator& scheme) : scheme_(scheme) {}
  void step(std::string_view token, std::function<void(AuthStep)> answer) override {
    answer(scheme_.step(token));
  }

 private:
  const TokenAuthenticator& scheme_;
};

}  // namespace

Result<void> TokenAuthenticator::reload() {
  auto file = host_.disk().blocking().open(host_.options().text("file"), OpenMode::read);
  if (!file) return file.error();
  std::string text(64 * 1024, '\0');
  const auto size = (*file)->read_at(0, text.data(), text.size());
  if (!size) return size.error();
  std::istringstream lines(text.substr(0, *size));
  names_.clear();
  for (std::string name, token; lines >> name >> token;) names_[token] = name;
  host_.log().info("knows " + std::to_string(names_.size()) + " tokens");
  return {};
}

std::unique_ptr<AuthExchange> TokenAuthenticator::accept(const PeerIdentity&) {
  return std::make_unique<TokenExchange>(*this);
}

AuthStep TokenAuthenticator::step(std::string_view token) const {
  const auto known = names_.find(token);
  if (known == names_.end()) return {AuthStep::Status::failed, {}, {}, "nobody has this token"};
  return {AuthStep::Status::done, {}, {{"token", known->second}}, {}};
}
