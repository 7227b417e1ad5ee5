#include "cluster/consumer.hpp"

#include <utility>

#include "cluster/connection.hpp"
#include "cluster/ordered_reader.hpp"

namespace chaperon::cluster {
namespace {

OrderedReader::Options reader_options(const ConsumerOptions& options) {
  const bool only_new = options.only_new && options.after == 0;
  return {.stream = options.stream,
          .subject = options.subject,
          .mode = only_new ? OrderedReader::Mode::only_new : OrderedReader::Mode::all,
          .after = options.after};
}

}  // namespace

Consumer::Consumer(Nats& nats, const ConsumerOptions& options)
    : reader_(std::make_unique<OrderedReader>(nats.connection_, reader_options(options))) {
  reader_->start(kPatience);
}

Consumer::~Consumer() = default;
Consumer::Consumer(Consumer&& other) noexcept = default;
Consumer& Consumer::operator=(Consumer&& other) noexcept = default;

std::optional<Message> Consumer::next(Duration timeout) {
  auto item = reader_->next(timeout);
  if (!item) return std::nullopt;
  return std::move(item->message);
}

std::vector<Message> Consumer::fetch(std::size_t count, Duration timeout) {
  std::vector<Message> result;
  while (result.size() < count) {
    auto message = next(result.empty() ? timeout : Duration::zero());
    if (!message) break;
    result.push_back(*std::move(message));
  }
  return result;
}

std::uint64_t Consumer::last_sequence() const {
  return reader_->last_sequence();
}

void Consumer::stop() {
  reader_->stop();
}

}  // namespace chaperon::cluster
