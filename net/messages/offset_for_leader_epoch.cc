#include "net/messages/offset_for_leader_epoch.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::offset_for_leader_epoch_request);
KARST_DEFINE_MESSAGE(karst::net::offset_for_leader_epoch_response);
