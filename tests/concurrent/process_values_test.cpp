// What travels between a ProcessPoolExecutor and its workers: values, and exceptions with their
// type, text and process.
#include <sys/resource.h>

#include <any>
#include <cstdio>
#include <new>
#include <set>
#include <unordered_map>

#include "asyncio/concurrent/errors.hpp"
#include "asyncio/concurrent/process_pool_executor.hpp"
#include "concurrent/pool_fixture.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using concurrent::ProcessPoolExecutor;
using concurrent::RemoteCause;

using process_values = PoolTest;
using process_errors = PoolTest;

struct Point {  // nobody describes it
  double x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};

struct Order {
  std::string customer;
  std::map<std::string, std::vector<Point>> where;
  std::optional<int> discount;
  bool operator==(const Order&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(customer, where, discount);
  }
};

enum class Colour : unsigned char { red, green };

template <class T>
T same(T value) {
  return value;
}

template <class T>
void comes_back(ProcessPoolExecutor& pool, const T& value) {
  EXPECT_EQ(pool.submit(same<T>, value).result(), value);
}

TEST_F(process_values, standard_types_need_no_description) {
  ProcessPoolExecutor pool({.max_workers = 1});
  comes_back(pool, 42);
  comes_back(pool, 1.5);
  comes_back(pool, true);
  comes_back(pool, std::string("\0text\n", 6));
  comes_back(pool, Colour::green);
  comes_back(pool, std::vector<bool>{true, false});
  comes_back(pool, std::vector<std::string>{"a", "", "c"});
  comes_back(pool, std::array<int, 3>{1, 2, 3});
  comes_back(pool, std::map<std::string, std::set<int>>{{"a", {1, 2}}});
  comes_back(pool, std::unordered_map<int, std::string>{{1, "one"}});
  comes_back(pool, std::tuple<int, std::string>{1, "b"});
  comes_back(pool, std::pair<int, double>{1, 2.5});
  comes_back(pool, std::optional<std::string>("there"));
  comes_back(pool, std::optional<std::string>());
  comes_back(pool, std::variant<int, std::string>("text"));
  comes_back(pool, std::chrono::nanoseconds(1500ms));
  EXPECT_EQ(*pool.submit(same<std::shared_ptr<int>>, std::make_shared<int>(3)).result(), 3);
}

TEST_F(process_values, types_of_the_programs_own_are_described_to_cereal_and_plain_ones_are_not) {
  ProcessPoolExecutor pool({.max_workers = 1});
  comes_back(pool, Point{1, 2});
  comes_back(pool, std::vector<Point>{{1, 2}, {3, 4}});
  comes_back(pool, Order{"me", {{"home", {{1, 2}}}}, 5});
  auto mirrored = [](const Point& point) { return Point{point.y, point.x}; };
  EXPECT_EQ(pool.map(mirrored, std::vector<Point>{{1, 2}}).next(), (Point{2, 1}));
}

TEST_F(process_values, texts_arrive_as_strings) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const auto length = [](const std::string& text) { return text.size(); };
  EXPECT_EQ(pool.submit(length, "four").result(), 4U);
  EXPECT_EQ(pool.submit(length, std::string_view("three")).result(), 5U);
  EXPECT_EQ(pool.map(length, std::vector<const char*>{"a"}).next(), 1U);
}

struct Adder {  // as Python's partial: a function that holds data
  int number = 0;
  int operator()(int other) const { return number + other; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number);
  }
};

TEST_F(process_values, a_function_is_a_pointer_a_lambda_or_an_object_with_data) {
  ProcessPoolExecutor pool({.max_workers = 1});
  int (*pointer)(int) = &same<int>;
  EXPECT_EQ(pool.submit(pointer, 1).result(), 1);
  EXPECT_EQ(pool.submit(Adder{5}, 1).result(), 6);
  EXPECT_EQ(pool.map(Adder{5}, std::vector<int>{1}).next(), 6);
  EXPECT_EQ(pool.submit(std::plus<>(), 1, 2).result(), 3);
  EXPECT_EQ(pool.submit(&std::string::size, std::string("four")).result(), 4U);
}

// Fault P2
TEST_F(process_values, large_ones_come_whole) {
  ProcessPoolExecutor pool({.max_workers = 2});
  const std::string large(40U << 20, 'x');
  auto there = pool.submit([](const std::string& text) { return text.size(); }, large);
  auto back = pool.submit([](std::size_t size) { return std::string(size, 'y'); }, large.size());
  EXPECT_EQ(there.result(), large.size());
  const std::string received = back.result();
  EXPECT_EQ(received.size(), large.size());
  EXPECT_EQ(received.find_first_not_of('y'), std::string::npos);
}

// A block is what travels beside its frame, from where it is to where it is to be.
TEST_F(process_values, blocks_come_to_their_places_between_what_is_small) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const std::size_t size = detail::kSmallestBlock;
  const std::string text(3 * size + 1, 'x');
  const std::vector<double> numbers(size, 0.5);
  comes_back(pool, numbers);
  comes_back(pool, std::vector<Point>(size, Point{1, 2}));
  comes_back(pool, std::vector<std::string>{"small", text, "", std::string(size, 'z')});
  comes_back(pool, std::vector<std::vector<double>>(40, numbers));  // more than go at once
  comes_back(pool, std::pair<std::string, int>{text, 7});
  comes_back(pool, std::tuple<int, std::string, std::vector<double>, char>{1, text, numbers, 'c'});
  comes_back(pool, std::optional<std::string>(text));
  comes_back(pool, std::map<std::string, std::string>{{text, text}});
  comes_back(pool, Order{text, {{"home", std::vector<Point>(size, Point{3, 4})}}, 5});
  const auto sizes = [](const std::string& one, int number, const std::vector<double>& other) {
    return one.size() + static_cast<std::size_t>(number) + other.size();
  };
  EXPECT_EQ(pool.submit(sizes, text, 1, numbers).result(), text.size() + 1 + numbers.size());
  EXPECT_EQ(pool.submit(sizes, text.c_str(), 1, numbers).result(),
            text.size() + 1 + numbers.size());
  std::string given = text;
  EXPECT_EQ(pool.submit(sizes, std::move(given), 1, std::vector<double>(numbers)).result(),
            text.size() + 1 + numbers.size());
  std::vector<std::string> items;
  for (std::size_t i = 0; i < 5; ++i) items.push_back(text.substr(i));
  std::size_t place = 0;
  for (const std::string& item : pool.map(same<std::string>, items, {.chunksize = 2})) {
    EXPECT_EQ(item, items[place++]);
  }
  EXPECT_EQ(place, items.size());
}

struct Spelled {  // cereal sees no member of it, but a text that goes at once
  std::size_t size = 0;
  bool operator==(const Spelled&) const = default;
  template <class Archive>
  std::string save_minimal(const Archive& /*archive*/) const {
    return std::string(size, 's');
  }
  template <class Archive>
  void load_minimal(const Archive& /*archive*/, const std::string& text) {
    if (text.find_first_not_of('s') != std::string::npos) throw ValueError("not what was sent");
    size = text.size();
  }
};

TEST_F(process_values, what_a_description_makes_for_a_moment_travels_whole) {
  ProcessPoolExecutor pool({.max_workers = 1});
  comes_back(pool, Spelled{8 * detail::kSmallestBlock});
  comes_back(pool, std::vector<Spelled>{{3 * detail::kSmallestBlock}, {1}});
}

struct Refused {  // cannot be put together again
  template <class Archive>
  void save(Archive& /*archive*/) const {}
  template <class Archive>
  void load(Archive& /*archive*/) {
    throw ValueError("refused");
  }
};

int refused_in = 0;  // where nothing can be made
double zero_or_refusal() {
  if (refused_in == ::getpid()) throw ValueError("refused");
  return 0;
}
struct MadeElsewhere {
  double number = zero_or_refusal();
};

TEST_F(process_errors, of_what_nobody_could_put_together_the_rest_is_skipped) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const std::string text(20 * detail::kSmallestBlock, 'x');
  const auto take = [](const std::string& one, const Refused&, const std::string& other) {
    return one.size() + other.size();
  };
  EXPECT_THROW(pool.submit(take, text, Refused(), text).result(), concurrent::SerializationError);
  EXPECT_THROW(pool.submit(take, "", Refused(), text).result(), concurrent::SerializationError);
  EXPECT_EQ(pool.submit(same<std::string>, text).result(), text);
  const auto make = [](std::size_t count) { return std::vector<MadeElsewhere>(count); };
  refused_in = ::getpid();
  EXPECT_THROW(pool.submit(make, std::size_t{100'000}).result(), concurrent::SerializationError);
  refused_in = 0;
  EXPECT_EQ(pool.submit(make, std::size_t{100'000}).result().size(), 100'000U);
}

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Fault P2
TEST_F(process_values, a_large_value_is_in_memory_once_on_each_side) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers keep books of their own";
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  GTEST_SKIP() << "sanitizers keep books of their own";
#endif
#endif
  ProcessPoolExecutor pool({.max_workers = 1});
  const std::size_t size = std::size_t{96} << 20;
  const auto most = static_cast<long>(size / 1024 * 3 / 2);
  const long here = peak_kilobytes();
  const long there = pool.submit(peak_kilobytes).result();
  EXPECT_EQ(
      pool.submit([](std::size_t count) { return std::string(count, 'x'); }, size).result().size(),
      size);
  EXPECT_LT(pool.submit(peak_kilobytes).result() - there, most);
  std::string given(size, 'x');
  EXPECT_EQ(pool.submit(&std::string::size, std::move(given)).result(), size);
  EXPECT_LT(pool.submit(peak_kilobytes).result() - there, most);
  EXPECT_LT(peak_kilobytes() - here, most);
}

// What a worker prints is not lost, and what the program had printed before is not printed again.
TEST_F(process_values, what_a_worker_prints_comes_out_once) {
  std::FILE* file = std::tmpfile();
  const int before = ::dup(1);
  std::fflush(stdout);
  ::dup2(::fileno(file), 1);
  std::fputs("program.", stdout);
  {
    ProcessPoolExecutor pool({.max_workers = 1});
    pool.submit([] { std::fputs("worker.", stdout); }).result();
  }
  std::fflush(stdout);
  ::dup2(before, 1);
  ::close(before);
  std::rewind(file);
  std::array<char, 64> text{};
  const std::size_t count = std::fread(text.data(), 1, text.size(), file);
  std::fclose(file);
  EXPECT_EQ(std::string(text.data(), count), "program.worker.");
}

// --- exceptions ---------------------------------------------------------------------------------

namespace shop {
struct OutOfStock : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct NotOpen : ValueError {
  using ValueError::ValueError;
};
}  // namespace shop

template <class E>
int throw_a(const std::string& text) {
  throw E(text);
}

template <class E>
void arrives(ProcessPoolExecutor& pool) {
  auto failed = pool.submit(throw_a<E>, "the text");
  try {
    failed.result();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    EXPECT_STREQ(error.what(), "the text");
  }
  const std::exception_ptr error = failed.exception();
  ASSERT_NE(concurrent::remote_cause(error), nullptr);
  EXPECT_EQ(concurrent::remote_cause(error)->type_name(), base::type_name(typeid(E)));
}

TEST_F(process_errors, arrive_as_what_was_thrown) {
  ProcessPoolExecutor pool({.max_workers = 1});
  arrives<std::runtime_error>(pool);
  arrives<std::out_of_range>(pool);
  arrives<std::invalid_argument>(pool);
  arrives<RuntimeError>(pool);
  arrives<ValueError>(pool);
  arrives<KeyError>(pool);
  arrives<InvalidStateError>(pool);
  arrives<EOFError>(pool);
  arrives<TimeoutError>(pool);
  arrives<CancelledError>(pool);
}

TEST_F(process_errors, tell_the_process_they_come_from) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const int worker = pool.submit(::getpid).result();
  try {
    pool.submit(throw_a<ValueError>, "no").result();
    ADD_FAILURE();
  } catch (const RemoteCause& cause) {
    EXPECT_EQ(cause.pid(), worker);
    EXPECT_EQ(cause.type_name(), "ValueError");
    EXPECT_EQ(cause.text(), "no");
  }
  EXPECT_EQ(concurrent::remote_cause(std::make_exception_ptr(ValueError("here"))), nullptr);
}

TEST_F(process_errors, of_the_kernel_keep_their_number) {
  ProcessPoolExecutor pool({.max_workers = 1});
  try {
    pool.submit([] { throw_os_error(ENOENT, "open", "/no/such"); }).result();
    ADD_FAILURE();
  } catch (const FileNotFoundError& error) {
    EXPECT_EQ(error.error(), ENOENT);
    EXPECT_STREQ(error.what(), "open /no/such: no such file or directory");
  }
  try {
    pool.submit([] { throw std::system_error(EACCES, std::generic_category(), "here"); }).result();
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::permission_denied);
    EXPECT_STREQ(error.what(), "here: Permission denied");
  }
  EXPECT_THROW(pool.submit([]() -> int { throw std::bad_alloc(); }).result(), std::bad_alloc);
}

// As CPython's ProcessPoolExecutorTest.test_traceback.
TEST_F(process_errors, of_types_that_nobody_knows_keep_name_and_text) {
  ProcessPoolExecutor pool({.max_workers = 1});
  auto failed = pool.submit(throw_a<shop::OutOfStock>, "no pears");
  EXPECT_THAT(thrown_by([&] { return failed.result(); }),
              ::testing::AllOf(::testing::StartsWith("concurrent::RemoteError: "),
                               ::testing::EndsWith("shop::OutOfStock: no pears")));
  EXPECT_THROW(failed.result(), std::runtime_error);
  auto number = pool.submit([]() -> int { throw 42; });
  EXPECT_EQ(thrown_by([&] { return number.result(); }), "concurrent::RemoteError: int");
}

TEST_F(process_errors, of_the_programs_own_types_arrive_when_it_says_how) {
  concurrent::rebuild_as<shop::NotOpen>();
  ProcessPoolExecutor pool({.max_workers = 1});
  EXPECT_THROW(pool.submit(throw_a<shop::NotOpen>, "Sunday").result(), shop::NotOpen);
}

// As CPython's, where sys.exit() in a function is an exception and os._exit() is not.
TEST_F(process_errors, that_are_no_errors_arrive_too) {
  ProcessPoolExecutor pool({.max_workers = 1});
  try {
    pool.submit([] { throw SystemExit(3); }).result();
    ADD_FAILURE();
  } catch (const SystemExit& exit) {
    EXPECT_EQ(exit.code(), 3);
  }
}

}  // namespace
}  // namespace asyncio::test
