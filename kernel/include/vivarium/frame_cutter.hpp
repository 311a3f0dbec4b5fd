#pragma once
// Cuts the bytes that arrive on a channel into frames. For whoever implements a Transport.
//
// Bytes are received straight into a FrameArena, which all channels of a thread share, and frames
// are views into it: nothing is copied, and an idle channel owns no buffer. Only what is left over,
// the beginning of a frame or frames that the handler did not take, moves to memory of the cutter's
// own, which grows with the bytes that arrived, never with a length that was promised.
//
// One turn at a channel:
//
//     const auto room = cutter.room();
//     cutter.arrived(receive(room));
//     while (cutter.cut() == Cut::frames)
//       if (!cutter.take(handler.on_frames(channel, cutter.frames()))) break;
//     cutter.leave_arena();

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <vivarium/transport.hpp>

namespace vivarium {

class FrameCutter;

/// Memory that the cutters of one thread work in, one at a time, from room() or cut() to
/// leave_arena().
class FrameArena {
 public:
  static constexpr std::size_t kReceiveBytes = 64 * 1024;
  /// A larger rest of an earlier turn is not copied in front of what arrives: it grows where it is.
  static constexpr std::size_t kRestBytesMax = 4 * 1024;
  /// Frames in one batch; more of them are handed over in several.
  static constexpr std::size_t kFramesMax = 1024;

 private:
  friend class FrameCutter;
  const FrameCutter* user_ = nullptr;
  std::array<std::string_view, kFramesMax> frames_;
  std::unique_ptr<char[]> bytes_ =
      std::make_unique_for_overwrite<char[]>(kRestBytesMax + kReceiveBytes);
};

/// What FrameCutter::cut() found.
enum class Cut : std::uint8_t {
  nothing,     ///< More bytes are needed.
  frames,      ///< frames() is the next batch; take() comes next.
  first_word,  ///< first_word() is one of Framing::first_words. The stream is raw from here.
  too_long,    ///< A frame of refused_length() bytes; nothing more can be cut.
};

class FrameCutter {
 public:
  /// `arena` is borrowed for the cutter's life.
  FrameCutter(FrameArena& arena, Framing framing);
  FrameCutter(const FrameCutter&) = delete;
  FrameCutter& operator=(const FrameCutter&) = delete;

  // --- bytes in ----------------------------------------------------------------------------------
  /// Where the next bytes go: never empty, valid until arrived(). Once a turn.
  std::span<char> room();
  void arrived(std::size_t bytes);
  /// Ends the turn: what was not taken moves out of the arena, and views into it die.
  void leave_arena();

  // --- frames out --------------------------------------------------------------------------------
  Cut cut();
  /// The batch that cut() found, valid until leave_arena(), whatever is taken.
  std::span<const std::string_view> frames() const { return {arena_.frames_.data(), count_}; }
  /// Takes what ChannelHandler::on_frames returned. False when frames were left: the channel
  /// pauses.
  bool take(std::size_t taken);
  std::uint32_t first_word() const { return word_; }
  std::uint32_t refused_length() const { return word_; }

  /// For the bytes after those that are taken. May be called between cut() and take().
  void set_framing(Framing framing);
  /// Lets cut() give a Framing::Kind::stream handler the same bytes again before more have arrived.
  void offer_again() { offered_ = 0; }

  /// Bytes that arrived and were not taken.
  std::size_t held_bytes() const { return static_cast<std::size_t>(end_ - begin_); }
  /// What the cutter's own memory amounts to.
  std::size_t own_capacity() const { return own_capacity_; }

 private:
  void enter_arena();
  void move_into_arena();
  void make_own_room();
  void move_to_own(std::size_t capacity);
  void release_own();
  std::size_t fitting_capacity() const;
  bool cut_first_word();
  Cut cut_prefixed();
  Cut cut_stream();
  Cut whole_as_frame();

  FrameArena& arena_;
  Framing framing_;
  Framing::Kind cut_kind_;  ///< The kind under which frames() was cut.
  bool at_start_ = true;    ///< The first four bytes have not been looked at.
  bool in_arena_ = false;   ///< begin_ and end_ point into the arena, not into own_.
  std::uint32_t word_ = 0;
  std::size_t count_ = 0;    ///< Of frames().
  std::size_t offered_ = 0;  ///< Held bytes that a stream handler has seen and not taken.
  char* begin_ = nullptr;
  char* end_ = nullptr;
  std::unique_ptr<char[]> own_;
  std::size_t own_capacity_ = 0;
};

}  // namespace vivarium
