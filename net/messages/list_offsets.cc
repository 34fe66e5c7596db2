#include "net/messages/list_offsets.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::list_offsets_request);
KARST_DEFINE_MESSAGE(karst::net::list_offsets_response);
