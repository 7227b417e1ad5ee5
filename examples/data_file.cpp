// Users who log in with names and passwords from a file.
//
//     chaperon run examples/data_file.cpp --target
//     chaperon run examples/data_file.cpp --target --config accounts=/tmp/accounts.csv
#include <atomic>
#include <fstream>
#include <string>
#include <vector>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

// [snippet: data]
struct Account {
  std::string user;
  std::string password;
};

// Read once, before the run: while it runs nothing writes to it, so that all sessions may read it.
std::vector<Account> accounts;

void read_accounts(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw InputError(path + " cannot be read: give another with --config accounts=FILE");
  accounts.clear();
  for (std::string line; std::getline(file, line);) {
    const auto comma = line.find(',');
    if (comma != std::string::npos) accounts.push_back({line.substr(0, comma), line.substr(comma + 1)});
  }
  if (accounts.empty()) throw InputError(path + " has no line `user,password`");
}
// [end]

// [snippet: scenario]
struct User {
  static void run(Session& session) {
    // The next account, from the beginning again after the last. Sessions run on several threads.
    static std::atomic<std::size_t> next = 0;
    const Account& account = accounts[next++ % accounts.size()];

    session.post("/login", {.json = {{"user", account.user}, {"password", account.password}}}).expect(200);
    session.bearer_token(session.response().json<std::string>("/data/token"));
    session.get("/users/" + account.user, {.name = "profile"}).expect(200);
  }
};

struct DataFileTest {
  static Json default_config() {
    const std::string here = __FILE__;
    return {{"base_url", "http://localhost:5000"},
            {"users", 20},
            {"accounts", here.substr(0, here.rfind('/') + 1) + "users.csv"}};
  }

  static Scenarios scenarios(const Json& config) {
    read_accounts(config.at("accounts").get<std::string>());
    return {config.at("users").get<int>() * scenario<User>};
  }
};
CHAPERON_LOAD_TEST(DataFileTest)
// [end]
