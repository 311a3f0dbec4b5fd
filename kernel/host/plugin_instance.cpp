#include "kernel/host/plugin_instance.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace vivarium {

class PluginInstance::Host final : public PluginHost {
 public:
  Host(const SharedParts& shared, std::string component, TypedOptions options)
      : shared_(shared), log_(shared.log, std::move(component)), options_(std::move(options)) {}

  Loop& loop() override { return shared_.loop; }
  Disk& disk() override { return shared_.disk; }
  Workers& workers() override { return shared_.workers; }
  Log& log() override { return log_; }
  Metrics& metrics() override { return shared_.metrics; }
  Commands& commands() override { return shared_.commands; }
  const Options& options() override { return options_; }
  std::string server_setting(std::string_view key) const override { return shared_.setting(key); }
  std::unique_ptr<Plugin> take_inner() override { return std::move(inner_); }

  TypedOptions& typed_options() { return options_; }
  void set_inner(std::unique_ptr<Plugin> inner) { inner_ = std::move(inner); }
  bool inner_was_taken() const { return inner_ == nullptr; }

 private:
  const SharedParts shared_;
  ComponentLog log_;
  TypedOptions options_;
  std::unique_ptr<Plugin> inner_;
};

PluginInstance::PluginInstance(const PlannedPlugin& planned, const SharedParts& shared)
    : role_(*planned.role),
      component_(planned.component()),
      inner_(planned.inner ? std::make_unique<PluginInstance>(*planned.inner, shared) : nullptr),
      host_(std::make_unique<Host>(shared, component_, planned.options)) {
  if (inner_) host_->set_inner(std::move(inner_->module_.plugin));
  module_ = create_plugin(planned.offer, *host_).value();
  if (!host_->inner_was_taken())
    throw std::runtime_error(fmt::format("plugin {}: {} declares the option `inner` and did not take "
                                         "what it names; call PluginHost::take_inner()",
                                         planned.offer.file, component_));
  host_->log().info(fmt::format("plugin {} {} of {}", planned.offer.descriptor->name,
                                planned.offer.descriptor->version, planned.offer.file));
}

PluginInstance::~PluginInstance() { stop(); }

Result<void> PluginInstance::start() {
  if (const auto started = plugin().start(); !started)
    return Error(Errc::refused, fmt::format("{}: {}", component_, started.error().what));
  started_ = true;
  return {};
}

void PluginInstance::stop() {
  if (std::exchange(started_, false)) plugin().stop();
}

Result<void> PluginInstance::reload(const PlannedPlugin& planned) {
  OldOptions old;
  adopt_options(planned, old);
  const auto reloaded = plugin().reload();
  if (reloaded) return {};
  for (auto& [host, options] : old) host->typed_options() = std::move(options);
  return Error(Errc::refused, fmt::format("{}: {}", component_, reloaded.error().what));
}

void PluginInstance::adopt_options(const PlannedPlugin& planned, OldOptions& old) {
  TypedOptions& options = host_->typed_options();
  old.emplace_back(host_.get(), options);
  for (const std::string& key : options.differences(planned.options)) {
    if (options.reloadable(key))
      options.adopt(key, planned.options);
    else
      host_->log().warn(key + " has changed and takes effect at the next start");
  }
  if (inner_ && planned.inner) inner_->adopt_options(*planned.inner, old);
}

}  // namespace vivarium
