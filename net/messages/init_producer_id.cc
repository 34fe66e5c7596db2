#include "net/messages/init_producer_id.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::init_producer_id_request);
KARST_DEFINE_MESSAGE(karst::net::init_producer_id_response);
