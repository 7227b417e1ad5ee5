// main() for programs that contain their load tests: what the library chaperon::main is.
#include <chaperon/main.hpp>

int main(int argc, char** argv) {
  return chaperon::program_main(argc, argv);
}
