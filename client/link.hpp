#pragma once
// One connection to one server: from the attempt until the transport has let go of it.
//
// A channel borrows its handler until on_closed, which may come after the session is gone. So a link
// that has connected keeps itself until then, and only forgets whom to tell. On the core thread.

#include <vivarium/transport.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vivarium::client {

class LinkOwner {
 public:
  virtual void on_link_open() = 0;
  /// One frame. The owner may go in it.
  virtual void on_link_frame(std::string_view frame) = 0;
  /// The attempt failed, or the connection ended. The last event.
  virtual void on_link_lost(std::string_view why) = 0;

 protected:
  ~LinkOwner() = default;
};

class Link final : public std::enable_shared_from_this<Link>,
                   private Connector,
                   private ChannelHandler {
 public:
  /// Begins to connect.
  static std::shared_ptr<Link> open(Transport& transport, const ConnectSpec& spec, LinkOwner& owner);
  explicit Link(LinkOwner& owner) : owner_(&owner) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void send(std::string bytes);
  /// What was sent still leaves. The owner hears no more, here and in abort().
  void close();
  void abort();

 private:
  ChannelHandler* on_connected(Channel& channel) override;
  void on_connect_failed(const Error& error) override;
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override;
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {}
  void on_closed(Channel&, CloseReason reason, std::string_view detail) override;

  void lose(std::string_view why);

  LinkOwner* owner_;
  std::unique_ptr<Connecting> connecting_;
  Channel* channel_ = nullptr;  ///< While it is open.
  std::shared_ptr<Link> self_;  ///< As long.
};

}  // namespace vivarium::client
