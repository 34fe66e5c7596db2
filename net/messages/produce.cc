#include "net/messages/produce.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::produce_request);
KARST_DEFINE_MESSAGE(karst::net::produce_response);
