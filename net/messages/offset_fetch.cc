#include "net/messages/offset_fetch.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::offset_fetch_request);
KARST_DEFINE_MESSAGE(karst::net::offset_fetch_response);
