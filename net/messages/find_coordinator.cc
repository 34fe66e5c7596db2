#include "net/messages/find_coordinator.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::find_coordinator_request);
KARST_DEFINE_MESSAGE(karst::net::find_coordinator_response);
