#include "net/messages/fetch.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::fetch_request);
KARST_DEFINE_MESSAGE(karst::net::fetch_response);
