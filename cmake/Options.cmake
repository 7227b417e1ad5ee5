# Compile options of every target of the project, and chaperon_room(), which declares a room.
add_library(chaperon_options INTERFACE)
target_compile_options(chaperon_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  # GCC 12 warns of overlapping copies in its own std::string (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  -fno-omit-frame-pointer $<$<CONFIG:Release,RelWithDebInfo>:-fno-semantic-interposition>)
if(CHAPERON_SANITIZE)
  # UndefinedBehaviorSanitizer's check of vtables opens a pipe, and fails where a test uses up the descriptors.
  add_compile_options(-fsanitize=${CHAPERON_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CHAPERON_SANITIZE})
endif()

# chaperon_room(NAME SOURCES ... [DEPENDS rooms ...] [LIBRARIES targets ...])
# One object library a room; what it may include is what it depends on (scripts/check-includes proves the order).
function(chaperon_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;LIBRARIES")
  add_library(chaperon_${name} OBJECT ${arg_SOURCES})
  target_include_directories(chaperon_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  target_compile_definitions(chaperon_${name} PRIVATE CHAPERON_BUILDING)
  target_compile_options(chaperon_${name} PRIVATE -fvisibility=hidden -fvisibility-inlines-hidden)
  target_link_libraries(chaperon_${name} PUBLIC ${arg_LIBRARIES} PRIVATE chaperon_options)
  foreach(room IN LISTS arg_DEPENDS)
    target_link_libraries(chaperon_${name} PUBLIC chaperon_${room})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY CHAPERON_ROOMS chaperon_${name})
endfunction()
