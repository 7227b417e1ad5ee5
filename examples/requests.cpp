// The options of a request, each at work.
//
//     chaperon run examples/requests.cpp --target
#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Requester {
  static void run(Session& session) {
    session.call<methods>().call<bodies>().call<queries_and_headers>().call<the_rest>().call<timings>();
  }

  // [snippet: methods]
  static void methods(Session& session) {
    session.get("/items/17");                            // base_url + path
    session.head("/items/17");                           // no body comes
    session.put("/items/17", {.json = {{"count", 3}}});  // post, patch likewise
    session.del("/items/17");                            // DELETE: the word is taken in C++
    session.options("/items");
    session.request("REPORT", "/items");                                  // any other method
    session.get(session.config<std::string>("base_url") + "/elsewhere");  // a full URL
  }
  // [end]

  // [snippet: bodies]
  static void bodies(Session& session) {
    session.post("/orders", {.json = {{"item", 17}, {"tags", {"new", "red"}}}});
    session.post("/search", {.form = {{"q", "tea & coffee"}, {"page", 2}}});
    session.post("/notes", {.headers = {{"Content-Type", "text/plain"}}, .body = "as it is"});
    session.post(
        "/files",
        {.multipart = {
             {.name = "title", .content = "A cat"},
             {.name = "file", .content = "(bytes)", .filename = "cat.png", .content_type = "image/png"}}});
    session.post("/events", {.json = {{"kind", "click"}}, .gzip = true});  // the same, compressed
    session.post("/stream", {.body = "sent in chunks", .chunked = true});
  }
  // [end]

  // [snippet: queries]
  static void queries_and_headers(Session& session) {
    // ?q=tea%20%26%20coffee&tag=new&tag=red: encoded, a list repeats its key.
    session.get("/search", {.params = {{"q", "tea & coffee"}, {"tag", {"new", "red"}}}});
    // For this request; with set_header() it would be for all that follow.
    session.get("/items", {.headers = {{"Accept", "application/json"}}});
    session.get("/admin", {.basic_auth = BasicAuth{"ann", "secret"}});
  }
  // [end]

  // [snippet: rest]
  static void the_rest(Session& session) {
    // One row `get(item)` for however many items there are.
    session.get("/items/4711", {.name = "item"});
    // For this request; else config `timeout`, else 10 s.
    session.get("/delay/20", {.timeout = 5s});
    // At most ten redirects; each answer is a sample of its own.
    session.get("/redirect/2", {.name = "redirected", .follow_redirects = true}).expect(200);
    // Decompressed; a body that cannot be is recorded as `Error decode`.
    session.get("/gzip/1000", {.headers = {{"Accept-Encoding", "gzip"}}, .decode = Decode::content})
        .expect(200);
    // Cookies come and go by themselves, one jar for each user.
    session.get("/cookies/set?theme=dark").get("/cookies").delete_cookies();
  }
  // [end]

  // [snippet: timings]
  static void timings(Session& session) {
    session.get("/bytes/100000").expect(200);
    const Timings took = session.response().timings();
    session.add_metric("first byte", took.dns + took.connect + took.sending + took.waiting);
    session.add_metric("download", took.receiving);
  }
  // [end]
};

struct RequestTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}}; }
  static Scenarios scenarios() { return {10 * scenario<Requester>}; }
};
CHAPERON_LOAD_TEST(RequestTest)
