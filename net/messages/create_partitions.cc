#include "net/messages/create_partitions.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::create_partitions_request);
KARST_DEFINE_MESSAGE(karst::net::create_partitions_response);
