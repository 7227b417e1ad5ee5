# chaperon_rooms: every room in one static archive, for what looks inside (tests, fuzz targets, micro-benchmarks):
# libchaperon.so shows only the public names. Objects are linked by name, since an object library does not hand its
# objects on to those who link it indirectly.
include_guard(GLOBAL)

get_property(rooms GLOBAL PROPERTY CHAPERON_ROOMS)
add_library(chaperon_rooms STATIC EXCLUDE_FROM_ALL)
target_link_libraries(chaperon_rooms PUBLIC ${rooms} chaperon_llhttp)
set_target_properties(chaperon_rooms PROPERTIES LINKER_LANGUAGE CXX)
