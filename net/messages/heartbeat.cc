#include "net/messages/heartbeat.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::heartbeat_request);
KARST_DEFINE_MESSAGE(karst::net::heartbeat_response);
