// What a message costs to frame and to read.
#include <cstdint>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "base/random.hpp"
#include "websocket/message_reader.hpp"
#include "websocket/message_writer.hpp"

namespace chaperon::websocket {
namespace {

std::string text_of(std::int64_t size) {
  Random random(1);
  std::string text;
  for (std::int64_t i = 0; i < size; ++i)
    text.push_back(static_cast<char>('a' + random.below(16)));
  return text;
}

// A frame as a server sends it: with 16 bits of length from 126 bytes on, which is all that is needed here.
std::string frame_of(std::string_view payload, unsigned first_byte) {
  std::string frame(1, static_cast<char>(first_byte));
  if (payload.size() < kLength16) {
    frame.push_back(static_cast<char>(payload.size()));
  } else {
    frame.push_back(static_cast<char>(kLength16));
    frame.push_back(static_cast<char>(payload.size() >> 8U));
    frame.push_back(static_cast<char>(payload.size()));
  }
  return frame.append(payload);
}

void write_messages(benchmark::State& state, std::optional<DeflateParameters> deflate) {
  const std::string text = text_of(state.range(0));
  Random masks(1);
  MessageWriter writer(deflate);
  std::string out;
  for (auto _ : state) {
    out.clear();
    writer.append_message(out, Opcode::text, text, masks);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void read_messages(benchmark::State& state, const MessageReader::Options& options, std::string_view bytes) {
  MessageReader reader(options);
  for (auto _ : state) {
    auto result = reader.feed(bytes);
    benchmark::DoNotOptimize(result);
    if (result.event != MessageReader::Event::text) state.SkipWithError("it is no text");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void writer_text(benchmark::State& state) {
  write_messages(state, std::nullopt);
}
BENCHMARK(writer_text)->Arg(20)->Arg(1000)->Arg(60'000);

void writer_deflate(benchmark::State& state) {
  write_messages(state, DeflateParameters{});
}
BENCHMARK(writer_deflate)->Arg(20)->Arg(1000)->Arg(60'000);

void reader_text(benchmark::State& state) {
  read_messages(state, {}, frame_of(text_of(state.range(0)), 0x81));
}
BENCHMARK(reader_text)->Arg(20)->Arg(1000)->Arg(60'000);

// Characters of three bytes: nothing for the fast path of ASCII.
void reader_text_not_ascii(benchmark::State& state) {
  std::string text;
  while (text.size() < static_cast<std::size_t>(state.range(0)))
    text += "世界の";
  read_messages(state, {}, frame_of(text, 0x81));
}
BENCHMARK(reader_text_not_ascii)->Arg(60'003);

// The frame comes in two pieces, so that the message must be put together.
void reader_text_in_two_pieces(benchmark::State& state) {
  const std::string frame = frame_of(text_of(state.range(0)), 0x81);
  const std::string_view bytes = frame;
  MessageReader reader;
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader.feed(bytes.substr(0, 10)));
    benchmark::DoNotOptimize(reader.feed(bytes.substr(10)));
  }
}
BENCHMARK(reader_text_in_two_pieces)->Arg(20)->Arg(1000);

void reader_deflate(benchmark::State& state) {
  const DeflateParameters deflate{.server_no_context_takeover = state.range(1) != 0};
  // What a client's compressor makes a server may send as well.
  std::string payload;
  Deflater(Deflater::kMostWindowBits).deflate(text_of(state.range(0)), payload);
  read_messages(state, {.deflate = deflate}, frame_of(payload, 0xc1));
}
BENCHMARK(reader_deflate)->ArgsProduct({{20, 1000, 60'000}, {0, 1}});

}  // namespace
}  // namespace chaperon::websocket
