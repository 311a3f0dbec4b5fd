#include "simulator/network.hpp"

#include "simulator/network_stream.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>
#include <utility>

namespace vivarium::simulator {
namespace {

/// What first attempts of TCP are apart.
constexpr Millis kRetry{200};

}  // namespace

struct Network::Call {
  HostId from, to;
  std::uint16_t port;
  std::weak_ptr<Dialling> dialling;
  Millis retry = kRetry;
};

Network::Network(SimulatedLoop& world, std::uint64_t seed) : world_(world), generator_(seed) {}

Network::~Network() = default;

HostId Network::add_host(std::string address) {
  hosts_.push_back({std::move(address)});
  return hosts_.size() - 1;
}

std::optional<HostId> Network::find_host(std::string_view address) const {
  for (HostId host = 0; host < hosts_.size(); ++host)
    if (hosts_[host].address == address) return host;
  return std::nullopt;
}

// --- links ---------------------------------------------------------------------------------------

MonoTime Network::between(Delay delay) {
  const auto least = MonoTime(delay.least).count();
  const auto span = MonoTime(delay.most).count() - least;
  if (span <= 0) return MonoTime(least);
  return MonoTime(least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(span + 1)));
}

MonoTime Network::delay(HostId from, HostId to) {
  const auto own = delays_.find({from, to});
  return between(own == delays_.end() ? delay_ : own->second);
}

bool Network::passes(HostId from, HostId to) const {
  return hosts_[from].powered && hosts_[to].powered && !blocked_.contains({from, to});
}

void Network::heal() {
  ++changes_;
  blocked_.clear();
  delays_.clear();
  retry_held();
}

void Network::power_back(HostId host) {
  ++changes_;
  hosts_[host].powered = true;
  retry_held();
}

void Network::retry_held() {
  for (const auto& [number, line] : lines_)
    for (std::size_t end : {0u, 1u})
      if (line->ways[end].give_up) await(line, end);
}

LinePtr Network::pick(std::uint64_t which) const {
  if (lines_.empty()) return nullptr;
  return std::next(lines_.begin(), static_cast<std::ptrdiff_t>(which % lines_.size()))->second;
}

void Network::reset_one(std::uint64_t which) {
  const auto line = pick(which);
  if (!line) return;
  for (std::size_t end : {0u, 1u}) lose(line, end);
}

void Network::sever_one(std::uint64_t which) {
  if (const auto line = pick(which)) line->severed = true;
}

void Network::power_lost(HostId host) {
  ++changes_;
  hosts_[host].powered = false;
  const auto lines = lines_;
  for (const auto& [number, line] : lines)
    for (std::size_t end : {0u, 1u})
      if (line->ends[end].host == host) {
        discard_flight(line->ways[end]);
        close_end(line, end);
      }
  std::erase_if(listening_, [&](const auto& entry) { return entry.first.first == host; });
}

void Network::process_ended(HostId host) {
  const auto lines = lines_;
  for (const auto& [number, line] : lines)
    for (std::size_t end : {0u, 1u})
      if (line->ends[end].host == host && line->ends[end].open) close(line, end);
  std::erase_if(listening_, [&](const auto& entry) { return entry.first.first == host; });
}

// --- listening and connecting --------------------------------------------------------------------

bool Network::taken(HostId host, std::uint16_t port) const {
  const auto found = listening_.find({host, port});
  return found != listening_.end() && !found->second.expired();
}

std::uint16_t Network::free_port(HostId host) {
  auto& last = hosts_[host].last_port;
  do last = last == 65535 ? 49152 : static_cast<std::uint16_t>(last + 1);
  while (taken(host, last));
  return last;
}

std::uint16_t Network::listen(HostId host, std::uint16_t port, std::weak_ptr<Listening> listening) {
  if (port == 0) port = free_port(host);
  if (taken(host, port)) return 0;
  listening_[{host, port}] = std::move(listening);
  return port;
}

void Network::dial(HostId from, HostId to, std::uint16_t port, std::weak_ptr<Dialling> dialling) {
  call(std::make_shared<Call>(Call{from, to, port, std::move(dialling)}));
}

void Network::call(std::shared_ptr<Call> call) {
  const auto takes = delay(call->from, call->to);
  world_.schedule(takes, "call", [this, call = std::move(call)] { answer(call); });
}

void Network::answer(const std::shared_ptr<Call>& call) {
  if (call->dialling.expired()) return;
  if (!passes(call->from, call->to) || !passes(call->to, call->from)) {
    world_.schedule(std::exchange(call->retry, 2 * call->retry), "call again",
                    [this, call] { this->call(call); });
    return;
  }
  const auto found = listening_.find({call->to, call->port});
  if (found != listening_.end())
    if (const auto listening = found->second.lock()) return connect(call, *listening);
  world_.schedule(delay(call->to, call->from), "refusal", [call] {
    if (const auto dialling = call->dialling.lock()) dialling->on_refused();
  });
}

void Network::connect(const std::shared_ptr<Call>& call, Listening& listening) {
  auto line = std::make_shared<Line>();
  line->number = ++last_line_;
  line->ends[0].host = call->from;
  line->ends[0].port = free_port(call->from);
  line->ends[1].host = call->to;
  line->ends[1].port = call->port;
  lines_[line->number] = line;
  listening.offer(line);
  const auto takes = delay(call->to, call->from);
  // What the other end sends arrives behind the news that there is a connection.
  line->ways[1].last_due = world_.now() + takes;
  world_.schedule(takes, "connected", [this, call, line] {
    const auto dialling = call->dialling.lock();
    if (dialling && line->ends[0].open) return dialling->on_line(line);
    if (line->ends[0].open) close(line, 0);
  });
}

// --- segments ------------------------------------------------------------------------------------

std::size_t Network::room(const Line& line, std::size_t end) const {
  const auto held = line.ways[end].bytes + line.ends[1 - end].unread();
  return held < kWindowBytes ? kWindowBytes - held : 0;
}

void Network::send(const LinePtr& line, std::size_t from_end, std::string bytes) {
  if (tap_) tap_(*line, from_end, bytes);
  put(line, from_end, {Line::Segment::Kind::data, {}, std::move(bytes)});
}

void Network::end_output(const LinePtr& line, std::size_t end) {
  if (std::exchange(line->ends[end].end_sent, true)) return;
  put(line, end, {Line::Segment::Kind::end, {}, {}});
}

/// A close with input that nobody will read is told at once and costs the other end what it sent.
void Network::close(const LinePtr& line, std::size_t end) {
  auto& closing = line->ends[end];
  if (!closing.open) return;
  const bool told = closing.lost || closing.end_sent;
  if (closing.unread() > 0 && !closing.lost)
    put(line, end, {Line::Segment::Kind::reset, {}, {}});
  else if (!told)
    put(line, end, {Line::Segment::Kind::end, {}, {}});
  closing.end_sent = true;
  close_end(line, end);
}

void Network::put(const LinePtr& line, std::size_t from_end, Line::Segment segment) {
  auto& way = line->ways[from_end];
  const auto takes = delay(line->ends[from_end].host, line->ends[1 - from_end].host);
  way.last_due = segment.due = std::max(way.last_due, world_.now() + takes);
  way.bytes += segment.bytes.size();
  way.flight.push_back(std::move(segment));
  if (way.flight.size() == 1) await(line, from_end);
}

/// For the first segment in flight, which may have waited for a link to pass again.
void Network::await(const LinePtr& line, std::size_t from_end) {
  auto& way = line->ways[from_end];
  if (way.event || way.flight.empty()) return;
  auto takes = way.flight.front().due - world_.now();
  if (way.give_up) {  // It is sent again after a while, and what stands behind it comes with it.
    world_.cancel(*std::exchange(way.give_up, std::nullopt));
    takes = between({Micros(0), kRetry});
  }
  way.event = world_.schedule(takes, "segment", [this, line, from_end] { arrive(line, from_end); });
}

void Network::arrive(const LinePtr& line, std::size_t from_end) {
  auto& way = line->ways[from_end];
  way.event.reset();
  if (line->severed || !passes(line->ends[from_end].host, line->ends[1 - from_end].host))
    return hold(line, from_end);
  auto segment = std::move(way.flight.front());
  way.flight.pop_front();
  way.bytes -= segment.bytes.size();
  deliver(line, from_end, std::move(segment));
  if (!way.flight.empty()) await(line, from_end);
  forget_if_over(line);
}

void Network::hold(const LinePtr& line, std::size_t from_end) {
  auto& way = line->ways[from_end];
  way.give_up = world_.schedule(between(patience_), "giving up",
                                [this, line, from_end] { give_up(line, from_end); });
}

void Network::give_up(const LinePtr& line, std::size_t from_end) {
  line->ways[from_end].give_up.reset();
  lose(line, from_end);
}

void Network::deliver(const LinePtr& line, std::size_t from_end, Line::Segment segment) {
  const auto to = 1 - from_end;
  auto& end = line->ends[to];
  if (!end.open) {  // Nobody there knows of this connection.
    if (segment.kind == Line::Segment::Kind::data && line->ends[from_end].open)
      put(line, to, {Line::Segment::Kind::reset, {}, {}});
    return;
  }
  if (segment.kind == Line::Segment::Kind::reset) return lose(line, to);
  if (segment.kind == Line::Segment::Kind::end) end.ended = true;
  end.arrived.insert(end.arrived.end(), segment.bytes.begin(), segment.bytes.end());
  if (end.stream) end.stream->wake();
}

void Network::lose(const LinePtr& line, std::size_t end) {
  line->ends[end].lost = true;
  discard_flight(line->ways[end]);
  if (auto* stream = line->ends[end].stream) stream->wake();
  forget_if_over(line);
}

void Network::discard_flight(Line::Way& way) {
  if (way.event) world_.cancel(*std::exchange(way.event, std::nullopt));
  if (way.give_up) world_.cancel(*std::exchange(way.give_up, std::nullopt));
  way.flight.clear();
  way.bytes = 0;
}

void Network::close_end(const LinePtr& line, std::size_t end) {
  auto& closed = line->ends[end];
  closed.open = false;
  closed.arrived.clear();
  closed.taken = 0;
  if (auto* stream = std::exchange(closed.stream, nullptr)) stream->detach();
  forget_if_over(line);
}

void Network::forget_if_over(const LinePtr& line) {
  const auto& ends = line->ends;
  if (ends[0].open || ends[1].open) return;
  if (!line->ways[0].flight.empty() || !line->ways[1].flight.empty()) {
    // What is under way towards nobody decides nothing.
    discard_flight(line->ways[0]);
    discard_flight(line->ways[1]);
  }
  lines_.erase(line->number);
}

}  // namespace vivarium::simulator
